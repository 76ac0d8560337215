"""One record of every kind, in canonical bytes with its hash: the log's format, fixed.

Logs out there hold these bytes and hashes. A change that breaks this test needs a new record version, not
a new golden file. A new kind, or an optional field, is written by running this file with
``REMIT_UPDATE_GOLDEN`` set; then only lines may have been added.
"""

import json
import os
from pathlib import Path

from remit.core.canonical import sha256
from remit.core.chain import BODIES, link, read
from remit.model.approval import Approval, HeldAmendment, HeldCall
from remit.model.constraint import Operators
from remit.model.control import Scope
from remit.model.decision import Answerer, Decision, EngineRef, Finding, Obligation
from remit.model.plan import Plan, PlanDiff, Step
from remit.model.principal import Opener, Principal
from remit.model.records import control as c
from remit.model.records import run as r
from remit.model.records.envelope import Body, Head
from remit.model.token import Control

GOLDEN = Path(__file__).parent / "golden" / "records.jsonl"

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
RUN, JTI, HOLD = f"run_{ULID}", f"tok_{ULID}", f"apr_{ULID}"
OPENER = Opener(id="uma@shop.example", kind="user", issuer="idp")
ROOT = Principal(id="prn_root", agent="spiffe://shop/desk", user="uma@shop.example")
SUB = Principal(
    id=f"prn_{ULID}", agent="spiffe://shop/helper", chain=(ROOT.agent,), steps=("s",), parent="prn_root"
)
EVERY_OPERATOR = Operators.model_validate_json(
    json.dumps(
        {
            "const": None,
            "enum": ["€", 1.5, {"b": 1, "a": [True]}],
            "pattern": "a+",
            "prefix": "a",
            "path_glob": ["a/**"],
            "min": -1,
            "max": 1.5,
            "min_length": 0,
            "max_length": 9,
            "email_domain": ["x.org"],
            "url_host": ["*.x.org"],
            "cidr": ["10.0.0.0/8"],
            "each": {"any": [{"const": 1}]},
            "from": ["parameters/to"],
        }
    )
)
PLAN = Plan(
    steps=(
        Step(id="s", tool="pay", constraints={"/a/b": EVERY_OPERATOR}, max_calls=2, approval=HOLD),
        Step(id="t", tool="look"),
    )
)
FINDING = Finding(code="CALL_WITHIN_REMIT", subject="pay", rule="call/grant")
DECISION = Decision(
    id=f"dec_{ULID}",
    effect="permit",
    findings=(FINDING,),
    obligations=(Obligation(kind="max_token_ttl", seconds=10),),
    answerers=(Answerer(kind="role", who="finance"),),
    retryable=False,
    engine=EngineRef(name="opa", revision="7", policy_digest="a" * 64, data_digest="b" * 64),
)
HELD = HeldCall(call_id="c1", principal="prn_root", tool="pay", step="s", arguments_hash="h")
APPROVAL = Approval(
    id=HOLD,
    subject=HELD,
    codes=("APPROVAL_REQUIRED",),
    answerers=DECISION.answerers,
    revision=1,
    expires_at=9,
)
AMENDMENT = HeldAmendment(base_revision=1, plan_digest="d" * 64)
OPENING = {"tenant": "shop", "template": "refund", "opener": OPENER, "principal": ROOT, "intent_hash": "h"}
PERMITTED = r.Permitted(
    jti=JTI, audience="https://x/", issued_at=1, expires_at=2, lease_until=3, spends={"run:money": 5}
)
DIFF = PlanDiff(added=("t",), removed=("u",), narrowed=("s",), widened=("s",))

RUN_BODIES: tuple[Body, ...] = (
    r.RunOpened(**OPENING, plan=PLAN, expires_at=9, decision=DECISION),  # type: ignore[arg-type]
    r.RunRefused(**OPENING, decision=DECISION),  # type: ignore[arg-type]
    r.PrincipalAdded(principal=SUB),
    r.PlanAmended(
        revision=2,
        plan=PLAN,
        diff=DIFF,
        by="a",
        requested_by="agent",
        decision=DECISION,
        approvals_used=(HOLD,),
    ),
    r.PlanRefused(base_revision=1, plan_digest="d" * 64, diff=DIFF, by="a", decision=DECISION, approval=HOLD),
    r.CallDecided(
        call_id="c1",
        principal="prn_root",
        tool="pay",
        step="s",
        mode="execute",
        revision=1,
        arguments_hash="h",
        decision=DECISION,
        final=True,
        control=Control(tenant="shop", seq=1, all=2),
        permitted=PERMITTED,
        approvals_used=(HOLD,),
        trace_id="0" * 32,
    ),
    r.CallSent(call_id="c1"),
    r.CallSettled(call_id="c1", outcome="ok", status=200, result_hash="h", duration_ms=5),
    r.ApprovalRequested(approval=APPROVAL),
    r.ApprovalRequested(approval=APPROVAL.model_copy(update={"subject": AMENDMENT})),
    r.ApprovalAnswered(approval_id=HOLD, answer="approve", by="u", issuer="idp", reason="it is fine"),
    r.ApprovalVoided(approval_id=HOLD, cause="amendment"),
    r.TokenRevoked(jti=JTI, call_id="c1", expires_at=2, cause="amendment"),
    r.RunSuspended(cause="denials"),
    r.RunClosed(cause="agent", by="a", reason="done"),
)
CONTROL_BODIES: tuple[Body, ...] = (
    c.KillRaised(scope=Scope(kind="agent", id="spiffe://shop/desk"), by="admin", reason="because"),
    c.KillLifted(scope=Scope(kind="agent", id="spiffe://shop/desk"), by="admin", reason="because"),
    c.CatalogueChanged(digest="a" * 64),
    c.TemplateChanged(digest="b" * 64),
    c.InventoryChanged(digest="c" * 64),
    c.PolicyActivated(digest="d" * 64, revision="7", engine="opa"),
    c.KeyRotated(use="access", kid="k1"),
    c.CheckpointSigned(jws="a.b.c", digest="e" * 64),
)


def written() -> str:
    records = [*link(RUN, Head(), 1_795_000_000_000, RUN_BODIES), *link("control", Head(), 5, CONTROL_BODIES)]
    return "".join(f"{record.hash} {record.raw.decode()}\n" for record in records)


def test_every_kind_is_written_as_it_always_was() -> None:
    if "REMIT_UPDATE_GOLDEN" in os.environ:
        GOLDEN.write_text(written(), encoding="utf-8")
    assert written() == GOLDEN.read_text(encoding="utf-8")


def test_every_kind_is_there() -> None:
    assert {body.kind for body in (*RUN_BODIES, *CONTROL_BODIES)} == set(BODIES)


def test_what_was_written_is_still_read() -> None:
    bodies = []
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        digest, _, raw = line.partition(" ")
        assert sha256(raw.encode()) == digest
        bodies.append(read(raw.encode()).body)
    assert bodies == [*RUN_BODIES, *CONTROL_BODIES]
