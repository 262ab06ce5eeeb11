"""The page that explains every code of an error, where the `type` of a problem leads."""

import re

from starlette.testclient import TestClient

from api import error_codes


def test_the_type_of_a_problem_leads_to_its_explanation(client: TestClient) -> None:
    """A program that meets an error finds the row of its code, without an account."""
    problem = client.get("/v1/checks/chk_nothing").json()
    assert problem["title"] == "The check does not exist, or belongs to another organisation."
    page, _, code = problem["type"].partition("#")
    answer = client.get(page)
    assert answer.status_code == 200
    (row,) = re.findall(rf'<tr id="{code}">.*?</tr>', answer.text, re.DOTALL)
    assert problem["title"] in row


def test_every_code_has_one_row_and_a_title_of_one_sentence() -> None:
    """No link leads to a file that the service does not have, and no code comes twice."""
    html = str(error_codes.page())
    ids = re.findall(r'<tr id="([^"]+)">', html)
    assert len(ids) == len(set(ids)) > 500
    with_status = re.findall(r'<tr id="([^"]+)">\s*<td>[^\n]*</td>\s*<td>(?:-|[\d-]+)</td>', html)
    assert set(error_codes.titles()) == set(with_status)
    assert "gs1.gtin" in with_status
    assert "<a " not in html
    for title in error_codes.titles().values():
        assert re.fullmatch(r"\S.*[.?!]", title), title
        assert "`" not in title
