"""Tag a sentence: a script for Spark NLP as anybody writes it, which knows nothing of modelhub."""

import sys

from pyspark.ml import Pipeline
from pyspark.sql import SparkSession
from sparknlp.annotator import BertForTokenClassification, Tokenizer
from sparknlp.base import DocumentAssembler

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
text = spark.createDataFrame([[sys.argv[1]]], ["text"])
document = DocumentAssembler().setInputCol("text").setOutputCol("document")
tokenizer = Tokenizer().setInputCols("document").setOutputCol("token")
tagger = BertForTokenClassification.pretrained("bert_pos_4L_weight_decay", "en")
tagger.setInputCols("document", "token").setOutputCol("pos")
tagged = Pipeline(stages=[document, tokenizer, tagger]).fit(text).transform(text)
for tokens, tags in tagged.select("token.result", "pos.result").collect():
    sys.stdout.write(" ".join(f"{token}/{tag}" for token, tag in zip(tokens, tags, strict=True)) + "\n")
