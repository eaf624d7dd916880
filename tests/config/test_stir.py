"""The section `stir`, the policies of trunks, and the step `branch`."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sip.stir_signer import ROOT_PEM

from softswitch.ivr.messages import BranchStep, Target
from softswitch.sip.stir_messages import StirPolicy, StirSettings

TRUNK = "{ pstn: { from: [192.0.2.10], stir: %s } }"
STIR = "{ trust: [root.pem], hosts: [certs.example, 'lab.example:8443'], wait: 500ms }".replace("500ms", "0.5s")
FILES = {"root.pem": ROOT_PEM.decode()}


def test_what_it_becomes(directory: Any) -> None:
    sip = directory.load(FILES, stir=STIR, trunks=TRUNK % "{ missing: refuse, failed: accept }").sip
    hosts = ("certs.example", "lab.example:8443")
    assert sip.stir == StirSettings(ROOT_PEM, hosts, country_code="372", wait_seconds=0.5)
    assert sip.trunks[0].stir == StirPolicy("refuse", "accept", "accept")
    assert directory.load().sip.stir == StirSettings()
    assert directory.load().sip.trunks[0].stir is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"trunks": TRUNK % "{}"}, "there is no section stir"),
        ({"trunks": TRUNK % "{ failed: reject }", "stir": STIR}, "expected accept or tell or refuse"),
        ({"stir": "{ trust: [rot.pem], hosts: [a.example] }"}, 'the file "rot.pem" cannot be read'),
        ({"stir": "{ trust: [line.yaml], hosts: [a.example] }"}, "holds no certificate in PEM"),
        ({"stir": "{ trust: [root.pem], hosts: ['https://a.example'] }"}, "a host, with its port"),
        ({"stir": "{ trust: [root.pem] }"}, "needs the key hosts"),
        ({"stir": STIR.replace("0.5s", "10s")}, "out of bounds"),
    ],
)
def test_mistakes_are_told_where_they_are(directory: Any, change: dict[str, str], said: str) -> None:
    (problem,) = directory.check(FILES, **change)
    assert said in problem
    assert problem.startswith("line.yaml:")


def test_branch(directory: Any) -> None:
    steps = "  - branch: attestation\n    is: { A: sales_2, C: { queue: sales } }\n"
    steps += "  - say: { en: Hello. }\n    name: sales_2\n"
    settings = directory.load({"flows/main.yaml": f"flow: main\nsteps:\n{steps}"})
    assert settings.call.flows["main"].steps[0] == BranchStep(
        "", "attestation", {"A": Target(step="sales_2"), "C": Target(queue="sales")}
    )
    (problem,) = directory.flow("  - branch: atestation\n    is: { A: { queue: sales } }\n")
    assert 'did you mean "attestation"?' in problem
    (problem,) = directory.flow("  - branch: identity\n    is: { verified: { queue: sails } }\n")
    assert 'did you mean "sales"?' in problem


def test_rules_know_the_identity(directory: Any) -> None:
    rule = """{ sales: { rules: [ { when: "identity == 'failed'", head_start: 1s, name: x } ] } }"""
    assert directory.check(queues=rule) == []
