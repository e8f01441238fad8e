"""Names of the public hub, as Spark NLP has them (``ConfigHelper.scala``) and its documentation links them."""

PUBLIC_BUCKET = "auxdata.johnsnowlabs.com"
COMMUNITY_BUCKET = "community.johnsnowlabs.com"
PUBLIC_HUB = f"https://s3.amazonaws.com/{PUBLIC_BUCKET}"
PUBLIC_REPOSITORY = "public/models"
WEB_HUBS = ("sparknlp.org", "nlp.johnsnowlabs.com")
METADATA_FILE = "metadata.json"


def page_url(page: str) -> str:
    """The address on the web hub of a page by its file stem with the date; "" where the stem has none."""
    parts = page.split("-", 3)
    return f"https://{WEB_HUBS[0]}/{'/'.join(parts)}.html" if len(parts) == 4 else ""
