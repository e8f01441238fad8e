import com.johnsnowlabs.nlp.pretrained.ResourceMetadata;
import com.johnsnowlabs.nlp.pretrained.ResourceMetadata$;
import com.johnsnowlabs.nlp.pretrained.ResourceRequest;
import com.johnsnowlabs.util.Version$;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import scala.Option;
import scala.collection.immutable.List;

/**
 * Asks the resolver of the release of Spark NLP that is on the class path.
 *
 * <p>Standard input, a line each: {@code new} empties the list of resources; a line of {@code metadata.json} (it begins
 * with a brace) is added to it; {@code ask TAB name TAB language TAB library TAB Spark} is answered on standard output
 * with the name of the zip that is chosen, {@code -} for none, or {@code !} and the class of what was thrown. The
 * language {@code -} is an absent one.
 */
public final class AskResolver {
  private final StringBuilder text = new StringBuilder();
  private List<ResourceMetadata> resources;

  public static void main(String[] arguments) throws Exception {
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 16);
    var out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    var resolver = new AskResolver();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      if (line.startsWith("ask\t")) {
        out.append(resolver.answer(line.split("\t", -1))).append('\n');
      } else {
        resolver.read(line);
      }
    }
    out.flush();
  }

  private void read(String line) {
    resources = null;
    if (line.equals("new")) {
      text.setLength(0);
    } else {
      text.append(line).append('\n');
    }
  }

  private String answer(String[] words) {
    try {
      if (resources == null) {
        var bytes = text.toString().getBytes(StandardCharsets.UTF_8);
        resources = ResourceMetadata$.MODULE$.readResources(new ByteArrayInputStream(bytes));
      }
      Option<String> language = words[2].equals("-") ? Option.empty() : Option.apply(words[2]);
      var library = Version$.MODULE$.parse(words[3]);
      var spark = Version$.MODULE$.parse(words[4]);
      var request = new ResourceRequest(words[1], language, "public/models", library, spark);
      var found = ResourceMetadata$.MODULE$.resolveResource(resources, request);
      return found.isEmpty() ? "-" : found.get().fileName();
    } catch (Throwable thrown) {
      return "!" + thrown.getClass().getSimpleName();
    }
  }
}
