import com.johnsnowlabs.nlp.pretrained.ResourceDownloader$;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.sql.SparkSession;
import scala.Option;

/**
 * Spark NLP's own downloader in a JVM that stays warm.
 *
 * <p>Arguments: the folder of its cache, and a folder with two named pipes. From the pipe {@code ask} it reads the name
 * of an English model, downloads and unpacks it, and writes {@code ok}, or what was thrown, to the pipe {@code answer}.
 */
public final class SparkNlpReal {
  public static void main(String[] arguments) throws Exception {
    Path pipes = Path.of(arguments[1]);
    SparkSession.builder()
        .master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.jsl.settings.pretrained.cache_folder", arguments[0])
        .config("spark.jsl.settings.pretrained.s3_bucket", "bucket")
        .getOrCreate()
        .sparkContext()
        .setLogLevel("ERROR");
    while (true) {
      String name = Files.readString(pipes.resolve("ask")).strip();
      Files.writeString(pipes.resolve("answer"), download(name) + "\n");
    }
  }

  private static String download(String name) {
    try {
      ResourceDownloader$.MODULE$.downloadResource(name, Option.apply("en"), "public/models");
      return "ok";
    } catch (Throwable thrown) {
      return thrown.toString().replace('\n', ' ');
    }
  }
}
