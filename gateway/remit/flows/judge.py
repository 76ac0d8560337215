"""One call, judged: facts, policy, decision, token, record; in that order, in one place.

A permit exists only after its record is durable, and a token leaves only inside a ``Permit``. If a
head moved between reading and recording, the judgement is thrown away and made anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from remit.core.canonical import canonical
from remit.core.claims import call_claims
from remit.core.decide import refuse
from remit.core.facts import CallSituation, examine
from remit.core.question import call_question, held_for_call, open_holds
from remit.errors import (
    AlreadyRecordedError,
    CallConflictError,
    FieldError,
    HeadMovedError,
    OverloadError,
    RunClosedError,
)
from remit.flows.asking import ask
from remit.flows.controls import unmoved
from remit.flows.earlier import Earlier, answered, hashes, held_decision, recorded
from remit.flows.lapse import lapsed
from remit.flows.runtime import Runtime
from remit.flows.swapping import in_turn
from remit.flows.values import Salted, call_value
from remit.model.approval import Approval, HeldCall
from remit.model.base import JsonObject
from remit.model.call import ToolCall
from remit.model.decision import Decision, Finding
from remit.model.records.envelope import Body
from remit.model.records.run import ApprovalRequested, CallDecided, Permitted, RunSuspended
from remit.model.token import ACCESS_TOKEN, CALL_TOKEN_TTL_S, CallClaims, Control, Mission, RunClaims
from remit.model.tool import Tool


@dataclass(frozen=True, slots=True)
class Permit:
    """Proof that a call was permitted and recorded. Only ``judge`` makes one.

    Attributes:
        canonical: the exact bytes that were judged and hashed, and that are sent.
        token: the call token, good once, at this tool, for these arguments.
    """

    run: str
    tenant: str
    call: ToolCall
    tool: Tool
    arguments: JsonObject
    canonical: bytes
    decision: Decision
    token: str
    claims: CallClaims
    salt: bytes
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A recorded denial."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class Held:
    """A recorded hold, and the approval that it waits for."""

    decision: Decision
    approval: Approval


Judged = Permit | Refusal | Held | Earlier


async def judge(
    runtime: Runtime, claims: RunClaims, call: ToolCall, *, trace_id: str | None = None
) -> Judged:
    """Judge one call of the run that ``claims`` proves to act in.

    Raises:
        NotFoundError, RunClosedError: no such run, or it has ended.
        CallConflictError: the call id was used with other content.
        OverloadError: too many calls of this run are waiting, or its head keeps moving.
        StoreUnavailableError, UnavailableError: nothing can be recorded, so nothing is permitted.
    """

    async def attempt() -> Judged:
        try:
            return await _Judgement(runtime, claims, call, trace_id).make()
        except AlreadyRecordedError:
            runtime.trees.forget(claims.sid)
            if earlier := await recorded(runtime, claims, call):
                return earlier
            raise HeadMovedError("the call was recorded meanwhile") from None

    return await in_turn(runtime, claims.sid, attempt)


class _Judgement:
    """One attempt at judging one call, on one consistent view."""

    def __init__(self, runtime: Runtime, claims: RunClaims, call: ToolCall, trace_id: str | None) -> None:
        self.runtime = runtime
        self.claims = claims
        self.call = call
        self.trace_id = trace_id

    async def make(self) -> Judged:
        # 2. One consistent view: the run tree, its head, and the control sequences.
        self.tree = await self.runtime.trees.get(self.claims.sid)
        if self.tree.state.status in {"closed", "refused"}:
            raise RunClosedError("the run has ended")
        if len(self.tree.state.calls) >= self.runtime.settings.max_live_calls:
            raise OverloadError("too many calls of this run are still open", retry_after_s=5)
        if self.call.call_id in self.tree.state.calls and (known := await self._recorded()):
            return known
        self.controls = await self.runtime.controls.of(self.tree.state.tenant)
        situation = self.runtime.situation(self.tree, self.controls)
        holds = held_for_call(situation, self.call.call_id)
        salted = await self._salted(has_holds=bool(holds))
        self._same_as_held(holds, salted.salt)
        # 3. What is plainly so.
        principal = self.tree.state.principals.get(self.claims.principal)
        facts = examine(situation, self.call, principal)
        if not isinstance(facts, CallSituation):
            return await self._refuse(facts, salted)
        salted = Salted(salted.salt, facts.effective.arguments)
        holds = tuple(approval for approval in holds if _of_step(approval, facts))
        pending = next((approval for approval in holds if approval.status == "pending"), None)
        if pending is not None and (asked := await self._still_held(pending)):
            return Held(asked, pending)
        # 5. and 6. Policy's answer, and what it makes of it.
        decision = await ask(self.runtime, call_question(situation, facts, self.call, holds))
        match decision.effect:
            case "permit":
                return await self._permit(decision, facts, salted, holds)
            case "hold":
                return await self._hold(decision, facts, salted)
            case _:
                return await self._deny(decision, facts, salted)

    # --- the four ways out ------------------------------------------------------------------------

    async def _refuse(self, findings: tuple[Finding, ...], salted: Salted) -> Judged:
        return await self._deny(refuse(self._new("dec"), findings), None, self._as_given(salted))

    async def _deny(self, decision: Decision, facts: CallSituation | None, salted: Salted) -> Judged:
        if decision.retryable and (earlier := await self._recorded()):
            return earlier
        body = self._decided(decision, facts, salted, final=not decision.retryable)
        bodies: list[Body] = [body]
        if body.final and self._too_many_denials():
            bodies.append(RunSuspended(cause="denials"))
        await self._record(bodies, self._kept(salted, refused=facts is None))
        return Refusal(decision)

    async def _hold(self, decision: Decision, facts: CallSituation, salted: Salted) -> Judged:
        if earlier := await self._recorded():
            return earlier
        full = open_holds(self.tree.state, self.runtime.now()) >= self.runtime.settings.max_open_holds
        if facts.step is None or full:
            subject = facts.tool.name
            finding = Finding(code="TOO_MANY_OPEN_HOLDS", subject=subject, rule="core/holds")
            return await self._deny(refuse(decision.id, (finding,)), facts, salted)
        approval = Approval(
            id=self._new("apr"),
            subject=HeldCall(
                call_id=self.call.call_id,
                principal=self.claims.principal,
                tool=facts.tool.name,
                mode=self.call.mode,
                step=facts.step.id,
                arguments_hash=salted.hash,
            ),
            codes=tuple(dict.fromkeys(finding.code for finding in decision.findings)),
            answerers=decision.answerers,
            revision=self.tree.state.revision,
            expires_at=self.runtime.now() + self.runtime.settings.approval_ttl_ms,
        )
        body = self._decided(decision, facts, salted, final=False).model_copy(
            update={"approval": approval.id}
        )
        await self._record([body, ApprovalRequested(approval=approval)], {self._name: salted.sealed()})
        return Held(decision, approval)

    async def _permit(
        self, decision: Decision, facts: CallSituation, salted: Salted, holds: tuple[Approval, ...]
    ) -> Judged:
        # 7. The token is made before the record, and leaves after it.
        claims = self._claims(decision, facts, salted.salt)
        token = await self.runtime.deps.signer.sign("access", ACCESS_TOKEN, _plain(claims))
        body = self._decided(decision, facts, salted, final=True).model_copy(
            update={
                "permitted": self._permitted(claims, facts),
                "approvals_used": tuple(a.id for a in holds if a.status == "approved"),
            }
        )
        # 8. Recorded, or it never happened.
        await self._record([body], self._kept(salted), durable=bool(body.approvals_used))
        principal = facts.principal
        return Permit(
            run=self.claims.sid,
            tenant=self.tree.state.tenant,
            call=self.call,
            tool=facts.tool,
            arguments=facts.effective.arguments,
            canonical=facts.effective.canonical,
            decision=decision,
            token=token,
            claims=claims,
            salt=salted.salt,
            agents=(principal.agent, *principal.chain),
        )

    # --- parts ------------------------------------------------------------------------------------

    def _claims(self, decision: Decision, facts: CallSituation, salt: bytes) -> CallClaims:
        now, state = self.runtime.now(), self.tree.state
        ttl_s = min([self.runtime.settings.call_token_ttl_s, *(o.seconds for o in decision.obligations)])
        return call_claims(
            issuer=self.runtime.settings.issuer,
            run=state.run,
            call_id=self.call.call_id,
            principal=facts.principal,
            tool=facts.tool,
            arguments=facts.effective.canonical,
            salt=salt,
            mission=Mission(id=state.template, rev=state.revision),
            control=self._control(),
            jti=self._new("tok"),
            now_ms=now,
            expires_ms=min(now + min(ttl_s, CALL_TOKEN_TTL_S) * 1000, state.expires_at),
        )

    def _permitted(self, claims: CallClaims, facts: CallSituation) -> Permitted:
        issued, expires = round(claims.iat * 1000), round(claims.exp * 1000)
        # It may leave as late as its token expires, and then take as long as its tool may.
        timeout = facts.tool.http.timeout_ms if facts.tool.http else 0
        return Permitted(
            jti=claims.jti,
            audience=claims.aud,
            issued_at=issued,
            expires_at=expires,
            lease_until=max(issued + self.runtime.settings.lease_ms, expires + timeout),
            spends={limit.id: limit.amount for limit in facts.limits},
        )

    def _decided(
        self, decision: Decision, facts: CallSituation | None, salted: Salted, *, final: bool
    ) -> CallDecided:
        return CallDecided(
            call_id=self.call.call_id,
            principal=self.claims.principal,
            tool=self.call.tool,
            step=facts.step.id if facts and facts.step else None,
            mode=self.call.mode,
            revision=self.tree.state.revision,
            arguments_hash=salted.hash if salted.body is not None else None,
            decision=decision,
            final=final,
            control=self._control(),
            trace_id=self.trace_id,
        )

    def _control(self) -> Control:
        tenant, everybody = self.controls
        return Control(tenant=tenant.tenant, seq=tenant.sequence, all=everybody.sequence)

    async def _record(self, bodies: list[Body], values: dict[str, bytes], *, durable: bool = False) -> None:
        self.tree = await self.runtime.trees.append(
            self.tree,
            [*lapsed(self.tree.state, self.runtime.now()), *bodies],
            unmoved=unmoved(self.controls),
            values=values,
            durable=durable,
        )

    async def _still_held(self, pending: Approval) -> Decision | None:
        """The decision that asked. Nothing is appended here, so no swap would notice an old cache."""
        if await answered(self.runtime, self.claims.sid, pending.id):
            raise HeadMovedError("the hold was answered meanwhile")
        return await held_decision(self.runtime, self.claims.sid, pending)

    async def _recorded(self) -> Earlier | None:
        return await recorded(self.runtime, self.claims, self.call)

    async def _salted(self, *, has_holds: bool) -> Salted:
        """The call's salt: the one it was held under, or a new one."""
        if has_holds:
            kept = await self.runtime.deps.store.values(self.claims.sid, [self._name])
            if self._name in kept:
                return Salted.opened(kept[self._name])
        return Salted(self.runtime.deps.ids.salt(), None)

    def _as_given(self, salted: Salted) -> Salted:
        """What a refused call is told apart by: the arguments as they came, if they can be hashed."""
        try:
            canonical(self.call.arguments)
        except FieldError:
            return Salted(salted.salt, None)
        return Salted(salted.salt, self.call.arguments)

    def _kept(self, salted: Salted, *, refused: bool = False) -> dict[str, bytes]:
        """What is kept beside the log: the salt always, the arguments if the tool's contract says so.

        Of a call that core refuses only the salt is kept: its hash tells a repetition from a conflict,
        and what nobody will ever act on must not fill the disk.
        """
        tool = self.runtime.registry.organisation.tools.get(self.call.tool)
        if refused or (tool is not None and not tool.store.arguments):
            return {self._name: Salted(salted.salt, None).sealed()}
        return {self._name: salted.sealed()}

    def _same_as_held(self, holds: tuple[Approval, ...], salt: bytes) -> None:
        """An approval is bound to the exact call: under the same id, anything else is a conflict."""
        for approval in holds:
            held = approval.subject
            same = isinstance(held, HeldCall) and (
                (held.principal, held.tool, held.mode)
                == (self.claims.principal, self.call.tool, self.call.mode)
                and held.arguments_hash in hashes(self.runtime, self.call, salt)
            )
            if not same:
                raise CallConflictError(f"call {self.call.call_id} is held with other content")

    def _too_many_denials(self) -> bool:
        return (
            self.tree.state.status == "open"
            and self.tree.state.denials + 1 >= self.runtime.settings.suspend_after_denials
        )

    @property
    def _name(self) -> str:
        return call_value(self.call.call_id)

    def _new(self, prefix: str) -> str:
        return self.runtime.deps.ids.new(prefix, self.runtime.now())


def _of_step(approval: Approval, facts: CallSituation) -> bool:
    """Whether a hold was about the step that admits the call now; a human who saw another saw no answer."""
    held = approval.subject
    return isinstance(held, HeldCall) and facts.step is not None and held.step == facts.step.id


def _plain(claims: CallClaims) -> JsonObject:
    return claims.model_dump(mode="json", exclude_none=True)


__all__ = ["Earlier", "Held", "Judged", "Permit", "Refusal", "judge"]
