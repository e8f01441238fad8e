from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhub.errors import ModelHubError, NetworkError, NotAllowedError, NotFoundError
from modelhub.refusals import S3Error, explain_refusal

PUBLIC = "https://s3.amazonaws.com/auxdata.johnsnowlabs.com/public/models/x.zip"
LICENSED = "https://s3.amazonaws.com/auxdata.johnsnowlabs.com/clinical/models/x.zip"
COMMUNITY = "s3://community.johnsnowlabs.com/user/x.zip"
BUCKET = "s3://company-models/x.zip"
MIRROR = "https://hub.example/public/models/x.zip"
SECRETS = ("AKIAEXAMPLE", "c0ffee5igned", "t0ken", "AWS4-HMAC")
NOT_LISTED = "User: AKIAEXAMPLE is not authorized to perform: s3:ListBucket on resource: x because no policy allows it"
NOT_GIVEN = "User: AKIAEXAMPLE is not authorized to perform: s3:GetObject on resource: x because no policy allows it"
FORBIDDEN = f"{NOT_GIVEN} with an explicit deny in a resource-based policy"


def xml(code: str, message: str = "", **elements: str) -> bytes:
    """An error as S3 sends it, with all that it may quote."""
    secrets = {"AWSAccessKeyId": SECRETS[0], "SignatureProvided": SECRETS[1], "Token-0": SECRETS[2]}
    parts = {"Code": code, "Message": message, **secrets, "StringToSign": f"{SECRETS[3]}-SHA256\n20240101", **elements}
    inside = "".join(f"<{name.replace('_', '-')}>{text}</{name.replace('_', '-')}>" for name, text in parts.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inside}</Error>'.encode()


def explain(
    uri: str, status: int, body: bytes = b"", headers: dict[str, str] | None = None, *, is_signed: bool = False
) -> ModelHubError:
    """The error, of which every one says where, is of use, and tells no secret."""
    error = explain_refusal(uri, status, body, headers or {}, is_signed=is_signed)

    assert error.message.startswith(f"{uri} ")
    assert error.message.endswith(".")
    assert error.hint
    assert not [secret for secret in SECRETS if secret in str(error)]
    return error


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("body", [b"", b"not here", xml("NoSuchKey"), b"<html><title>404</title></html>"])
def test_what_is_absent_is_not_found(status: int, body: bytes) -> None:
    error = explain(PUBLIC, status, body)

    assert type(error) is NotFoundError
    assert error.message == f"{PUBLIC} does not exist (HTTP {status})."
    assert "modelhub update" in error.hint


def test_a_bucket_that_is_absent_is_named_as_the_reason() -> None:
    error = explain(BUCKET, 404, xml("NoSuchBucket"), is_signed=True)

    assert type(error) is NotFoundError
    assert "no such bucket" in error.message
    assert "MODELHUB_ENDPOINT" in error.hint


@pytest.mark.parametrize(
    ("uri", "is_signed", "message", "words", "hint"),
    [
        (PUBLIC, False, "Access Denied", "most likely it does not exist", "modelhub update"),
        (COMMUNITY, False, "Access Denied", "most likely it does not exist", "modelhub update"),
        (LICENSED, True, NOT_LISTED, "most likely it does not exist", "modelhub update"),
        (BUCKET, True, NOT_LISTED, "most likely it does not exist", "modelhub update"),
        (LICENSED, True, "Access Denied", "the licence does not cover it, or it does not exist", "--license FILE"),
        (LICENSED, True, NOT_GIVEN, "the licence does not cover it, or it does not exist", "--license FILE"),
        (LICENSED, False, "Access Denied", "it needs credentials, or it does not exist", "--license FILE"),
        (BUCKET, True, "Access Denied", "the credentials may not read it, or it does not exist", "bucket's owner"),
        (BUCKET, True, FORBIDDEN, "a policy forbids it", "bucket's owner"),
        (BUCKET, False, "Access Denied", "it needs credentials, or it does not exist", "--profile"),
        (MIRROR, False, "Access Denied", "it needs credentials, or it does not exist", "s3://bucket"),
    ],
)
def test_a_denial_says_which_of_absent_licensed_and_denied_is_likely(
    uri: str, is_signed: bool, message: str, words: str, hint: str
) -> None:
    error = explain(uri, 403, xml("AccessDenied", message), is_signed=is_signed)

    assert type(error) is NotAllowedError
    assert f"is refused (HTTP 403, AccessDenied): {words}" in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "InvalidAccessKeyId", "does not know the access key"),
        (403, "SignatureDoesNotMatch", "the secret key does not belong to the access key"),
        (400, "ExpiredToken", "the credentials have expired"),
        (403, "ExpiredTokenException", "the credentials have expired"),
        (400, "InvalidToken", "the session token is not valid"),
        (400, "TokenRefreshRequired", "the session token has to be renewed"),
        (403, "InvalidObjectState", "archive"),
        (403, "AllAccessDisabled", "closed the bucket"),
        (403, "AccountProblem", "the account of AWS"),
        (400, "InvalidArgument", "no other reason"),
        (403, "XMinioInvalidIAMCredentials", "no other reason"),
    ],
)
@pytest.mark.parametrize("uri", [LICENSED, BUCKET])
def test_a_fault_of_the_credentials_is_named(uri: str, status: int, code: str, words: str) -> None:
    error = explain(uri, status, xml(code, f"The words of {SECRETS[0]}"), is_signed=True)

    assert type(error) is NotAllowedError
    assert f"(HTTP {status}, {code})" in error.message
    assert words in error.message
    assert "modelhub auth" in error.hint


@pytest.mark.parametrize(
    ("uri", "code", "hint"),
    [
        (BUCKET, "SignatureDoesNotMatch", "Check the access key, its secret, and MODELHUB_ENDPOINT"),
        (BUCKET, "ExpiredTokenException", "Renew the credentials"),
        (BUCKET, "InvalidObjectState", "Ask the bucket's owner"),
        (LICENSED, "InvalidAccessKeyId", "--license FILE"),
        (LICENSED, "ExpiredToken", "--license FILE"),
        (LICENSED, "AllAccessDisabled", "Ask the bucket's owner"),
    ],
)
def test_the_hint_is_what_helps_against_that_fault(uri: str, code: str, hint: str) -> None:
    assert hint in explain(uri, 403, xml(code), is_signed=True).hint


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (
            xml("RequestTimeTooSkewed", RequestTime="20240102T030000Z", ServerTime="2024-01-02T03:20:00Z"),
            {},
            "clock is 20 min behind the server's",
        ),
        (
            xml("RequestTimeTooSkewed", RequestTime="20240102T030000Z", ServerTime="2024-01-01T00:20:00.123Z"),
            {},
            "clock is 26 h 40 min ahead of the server's",
        ),
        (
            xml("RequestTimeTooSkewed", RequestTime="Tue, 02 Jan 2024 03:00:00 GMT"),
            {"Date": "Tue, 02 Jan 2024 03:16:40 GMT"},
            "clock is 17 min behind the server's",
        ),
        (
            xml("AccessDenied", "Request has expired", X_Amz_Expires="3600", Expires="2024-01-02T04:00:00Z"),
            {"date": "Tue, 02 Jan 2024 05:30:00 GMT"},
            "clock is 2 h 30 min behind the server's",
        ),
        (
            xml("RequestTimeTooSkewed", RequestTime="20240102T030000Z", ServerTime="2024-01-02T03:00:50Z"),
            {},
            "clock is 50 s behind the server's",
        ),
        (
            xml("AccessDenied", "Request has expired", X_Amz_Expires="9" * 40, Expires="0001-01-01T00:00:00Z"),
            {"date": "Tue, 02 Jan 2024 05:30:00 GMT"},
            "this machine's clock is wrong",
        ),
        (
            xml("AccessDenied", "Request has expired", Expires="2024-01-02T04:00:00Z"),
            {},
            "this machine's clock is wrong",
        ),
        (xml("AccessDenied", "Request is not valid yet"), {}, "this machine's clock is wrong"),
        (xml("RequestTimeTooSkewed"), {"Date": "not a date"}, "this machine's clock is wrong"),
        (
            xml("RequestTimeTooSkewed"),
            {"Date": f"Tue, 02 Jan {'9' * 30} 05:30:00 GMT"},
            "this machine's clock is wrong",
        ),
        (xml("RequestTimeTooSkewed", RequestTime="20240102T030000Z"), {}, "this machine's clock is wrong"),
        (
            xml(
                "RequestTimeTooSkewed", RequestTime="Tue, 02 Jan 2024 03:00:00 -0000", ServerTime="2024-01-02T03:16:00Z"
            ),
            {},
            "clock is 16 min behind the server's",
        ),
    ],
)
def test_a_wrong_clock_is_told_with_the_difference(body: bytes, headers: dict[str, str], words: str) -> None:
    error = explain(BUCKET, 403, body, headers, is_signed=True)

    assert type(error) is NotAllowedError
    assert words in error.message
    assert "clock" in error.hint


def test_a_uri_that_was_signed_by_others_and_has_expired_is_not_put_on_the_clock() -> None:
    error = explain(MIRROR, 403, xml("AccessDenied", "Request has expired", Expires="2024-01-02T04:00:00Z"))

    assert "the signature in the URI has expired" in error.message


@pytest.mark.parametrize(
    ("status", "body", "headers", "words", "hint"),
    [
        (301, xml("PermanentRedirect"), {"X-Amz-Bucket-Region": "eu-west-1"}, "the region eu-west-1", "=eu-west-1"),
        (
            301,
            xml("PermanentRedirect", Endpoint="b.s3-eu-west-1.amazonaws.com"),
            {},
            "the region eu-west-1",
            "AWS_DEFAULT_REGION",
        ),
        (
            400,
            xml("AuthorizationHeaderMalformed", Region="eu-west-1"),
            {},
            "the region eu-west-1",
            "AWS_DEFAULT_REGION",
        ),
        (
            400,
            xml("AuthorizationQueryParametersError", Region="us-gov-1"),
            {},
            "the region us-gov-1",
            "AWS_DEFAULT_REGION",
        ),
        (400, xml("AuthorizationQueryParametersError"), {}, "no other reason", "modelhub auth"),
        (307, xml("TemporaryRedirect"), {}, "another region", "AWS_DEFAULT_REGION"),
    ],
)
def test_a_bucket_elsewhere_is_told_with_its_region(
    status: int, body: bytes, headers: dict[str, str], words: str, hint: str
) -> None:
    error = explain(BUCKET, status, body, headers, is_signed=True)

    assert words in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("uri", "status", "body", "words", "hint"),
    [
        (
            PUBLIC,
            403,
            b"<!DOCTYPE html><title>Blocked by Acme\n Shield</title>",
            '("Blocked by Acme Shield"), which S3',
            "s3.",
        ),
        (PUBLIC, 403, b"\n<HTML><body>no", "web page, which S3 never sends: a proxy", "s3.amazonaws.com pass"),
        (MIRROR, 403, b"<html><title>403 Forbidden</title>", '("403 Forbidden"), of its server or of a proxy', "netrc"),
        (MIRROR, 401, b"<html><title>Sign in</title>", 'asks for a user and a password ("Sign in")', "~/.netrc"),
        (MIRROR, 401, b'{"errors": [{"status": 401, "message": "Bad token t0ken"}]}', "asks for a user", "~/.netrc"),
        (
            MIRROR,
            403,
            b'{"errors": [{"status": 403, "message": "t0ken"}]}',
            "it is licensed, or it does not exist",
            "public",
        ),
        (MIRROR, 403, b"", "it is licensed, or it does not exist", "public/models"),
        (BUCKET, 403, b"no", "the credentials may not read it, or it does not exist", "modelhub auth"),
        (PUBLIC, 403, b"", "most likely it does not exist", "modelhub update"),
    ],
)
def test_who_is_not_s3_is_told_as_what_it_is(uri: str, status: int, body: bytes, words: str, hint: str) -> None:
    error = explain(uri, status, body, is_signed=uri == BUCKET)

    assert type(error) is NotAllowedError
    assert f"is refused (HTTP {status}): " in error.message
    assert words in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    "title",
    [
        "https://s3.amazonaws.com/x?X-Amz-Signature=c0ffee5igned blocked",
        "/x?signature=c0ffee5igned is blocked",
        "x-amz-security-token t0ken",
    ],
)
def test_a_page_that_repeats_what_was_asked_for_is_not_quoted(title: str) -> None:
    error = explain(PUBLIC, 403, f"<title>{title}</title>".encode(), {"Content-Type": "text/html; charset=utf-8"})

    assert "the answer is a web page, which S3 never sends" in error.message


def test_a_title_is_quoted_in_one_short_line() -> None:
    error = explain(MIRROR, 403, b"<html><title>\n" + b"no way " * 1000 + b"</title>")

    assert "\n" not in error.message
    assert len(error.message) < 250


def test_a_page_without_words_is_none() -> None:
    error = explain(BUCKET, 403, b"\n", {"Content-Type": "text/html"})

    assert "it needs credentials, or it does not exist" in error.message


@pytest.mark.parametrize("status", [301, 400, 405, 418, 451])
@pytest.mark.parametrize("body", [b"", b"<Error><Code>no code at all</Code></Error>"])
def test_a_status_that_means_nothing_here_is_a_failure_of_the_hub(status: int, body: bytes) -> None:
    error = explain(MIRROR, status, body)

    assert isinstance(error, NetworkError)
    assert error.message == f"{MIRROR} answered HTTP {status}."
    assert (error.uri, error.status) == (MIRROR, status)


@pytest.mark.parametrize(
    "region", ["evil.example/", "EU", "eu west", "-" * 41, "eu-west-1</Region>", "", "@evil.example", "evil.example#"]
)
def test_what_is_no_name_of_a_region_is_taken_for_none(region: str) -> None:
    assert S3Error.parse(xml("PermanentRedirect"), {"x-amz-bucket-region": region}).region == ""


@pytest.mark.parametrize(
    "endpoint",
    ["evil.example", "b.s3.eu-west-1.amazonaws.com.evil.example/", "s3.eu-west-1.evil.example", "s3.amazonaws.com"],
)
def test_of_an_endpoint_that_an_answer_names_at_most_the_region_counts(endpoint: str) -> None:
    assert S3Error.parse(xml("PermanentRedirect", Endpoint=endpoint), {}).region in ("", "eu-west-1")


@pytest.mark.parametrize("body", [b"\xff\xfe" * 1000, b"<Code>" * 20_000, b"<Code", xml("A" * 200), b"<Error/>"])
def test_nonsense_is_no_error_of_s3(body: bytes) -> None:
    assert S3Error.parse(body, {}) == S3Error()


@given(
    uri=st.sampled_from([PUBLIC, LICENSED, COMMUNITY, BUCKET, MIRROR]),
    status=st.sampled_from([301, 400, 401, 403, 404]),
    code=st.sampled_from(["AccessDenied", "RequestTimeTooSkewed", "ExpiredToken", "PermanentRedirect", "Other", ""]),
    elements=st.dictionaries(
        st.sampled_from(["Message", "Expires", "X-Amz-Expires", "ServerTime", "RequestTime", "Region", "Endpoint"]),
        st.one_of(
            st.text(),
            st.from_regex(r"-?[0-9]{1,30}", fullmatch=True),
            st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T00:00:00Z", fullmatch=True),
            st.sampled_from(["Request has expired", "Tue, 02 Jan 2024 03:00:00 -2359", "eu-west-1"]),
        ),
    ),
    date=st.text(),
    is_signed=st.booleans(),
)
def test_whatever_a_server_answers_is_an_error_of_ours(
    uri: str, status: int, code: str, elements: dict[str, str], date: str, is_signed: bool
) -> None:
    inside = "".join(f"<{name}>{text}</{name}>" for name, text in {"Code": code, **elements}.items())
    body = f"<Error>{inside}</Error>".encode("utf-8", errors="replace")

    assert explain(uri, status, body, {"Date": date}, is_signed=is_signed)


@pytest.mark.parametrize("name", ["Code", "Message", "title"])
def test_a_body_of_beginnings_holds_no_element_and_is_read_once(name: str) -> None:
    begun = f"<{name} ".encode()
    body = begun * (65_536 // len(begun))

    assert S3Error.parse(body, {}) == S3Error()
    assert '"' not in explain(MIRROR, 403, body, {"content-type": "text/html"}).message
    # A search that went on over the next tag, or for ever, would be one of the whole body for each beginning.
    for long in (b"<Code <b>Denied</Code>", b"<Code " + b"a" * 201 + b">Denied</Code>"):
        assert S3Error.parse(long, {}).code == ""
    assert S3Error.parse(b'<Code xmlns="http://s3.amazonaws.com/doc/2006-03-01/">Denied</Code>', {}).code == "Denied"
