"""Names of people, firms and identifiers, and who said what."""

import pytest

from tests.server.text.checks.judging import judged, page_of, spec

PAGE = page_of(
    "Mayor Anna Ortiz said the bridge will open in May. The Herald reported delays. NATO was not asked.",
    "Call client.get_user(user_id) with --dry-run, or GET /v1/users/{id}. Since v2.3.1. Set MAX_RETRIES, config.yaml.",
)


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("The mayor, Anna Ortiz, spoke of May.", True),
        ("Ortiz's bridge is late, the Herald's readers know.", True),
        ("Nobody asked NATO. I think it is fine.", True),
        ("New Bridge Opens In Spring With Music", True),
        ("- Bridge: it opens\n- Delay: it does not. Good.", True),
        ('It says "Bob Miller" [1].', True),
        ("The mayor, Anna Smith, spoke.", False),
        ("the bridge of Paris opens", False),
        ("UNESCO was asked.", False),
        ("They sell an iPhone.", False),
        ("The page does not say.", True),
    ],
)
def test_entity_fidelity(answer: str, passed: bool) -> None:
    assert judged("entity_fidelity", answer, PAGE).passed is passed


def test_names_of_the_question_and_of_the_form_are_known() -> None:
    assert judged("entity_fidelity", "the letter to Bob is here", PAGE, "Write to Bob").passed
    assert judged(spec("entity_fidelity", allow=["Critical Path"]), "it is the Critical Path here", PAGE).passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("Call `client.get_user` with `--dry-run`.", True),
        ("Use get_user and MAX_RETRIES, since v2.3.1, in config.yaml.", True),
        ("GET /v1/users/{id} returns one, and/or 1/2, on 12/05.", True),
        ("Assumption: set retry_count to 3.", True),
        ("```python\nmy_name = get_user(1)\n```", True),
        ("Call `client.delete_user`.", False),
        ("Use delete_user.", False),
        ("Add --force to it.", False),
        ("POST /v2/users first.", False),
        ("Since v3.0.0.", False),
        ("Call getUser now.", False),
        ("```bash\nrun --force\n```", False),
        ("Call `Client`.", False),
        ("The page does not say.", True),
    ],
)
def test_identifier_fidelity(answer: str, passed: bool) -> None:
    assert judged("identifier_fidelity", answer, PAGE).passed is passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("Mayor Ortiz said the bridge opens in May [1].", True),
        ("According to the Herald there are delays [1].", True),
        ("- The mayor said it opens: [1]\n- The Herald reported delays: [1]", True),
        ("The bridge opens in May [1].", False),
        ("Bob said the bridge opens [1].", False),
        ("They said it opens [1].", False),
        ("According to Bob it is late [1].", False),
        ("", False),
        ("The page does not say.", True),
    ],
)
def test_attribution_present(answer: str, passed: bool) -> None:
    assert judged("attribution_present", answer, PAGE).passed is passed


def test_the_share_of_attributed_claims_is_a_parameter() -> None:
    assert judged(spec("attribution_present", at_least=0.5), "Ortiz said so [1].\nIt opens in May [1].", PAGE).passed
