package remit.lib_test

import data.remit.lib

import future.keywords.not
import rego.v1

_deny := {"code": "D", "subject": "d", "rule": "r"}

_allow := {"code": "P", "subject": "p", "rule": "r"}

_hold := {"code": "A", "subject": "h", "rule": "r", "answerer": "owner"}

_nothing := {"deny": set(), "hold": set(), "allow": set(), "obligations": set(), "packages": {"x"}}

_answer(said, question) := answer if {
	answer := lib.answer(object.union(_nothing, said)) with input as question
		with data.remit.settings as settings
		with data.remit.templates as templates
		with data.remit.inventory as inventory
}

test_deny_wins if {
	answer := _answer({"deny": {_deny}, "hold": {_hold}, "allow": {_allow}}, call_question)
	answer.effect == "deny"
	answer.findings == [_deny]
	answer.answerers == []
}

test_hold_wins_over_permit if {
	answer := _answer({"hold": {_hold}, "allow": {_allow}}, call_question)
	answer.effect == "hold"
	answer.findings == [{"code": "A", "subject": "h", "rule": "r"}]
	answer.answerers == [{"kind": "user", "who": "olga"}]
}

test_permit_carries_obligations_revision_and_packages if {
	answer := _answer({"allow": {_allow}, "obligations": {{"kind": "k"}}}, call_question)
	answer.effect == "permit"
	answer.findings == [_allow]
	answer.obligations == [{"kind": "k"}]
	answer.revision == "rev-1"
	answer.packages == ["lib/answer", "lib/approval", "lib/entitlement", "lib/extension", "lib/question", "x"]
}

test_obligations_bind_a_permit_only if {
	_answer({"deny": {_deny}, "obligations": {{"kind": "k"}}}, call_question).obligations == []
}

test_nothing_said_is_a_denial if {
	answer := _answer({}, call_question)
	answer.effect == "deny"
	codes(answer.findings) == {"NO_RULE_PERMITS"}
}

test_nothing_said_of_nothing_is_a_denial if {
	codes(_answer({}, {}).findings) == {"NO_RULE_PERMITS"}
}

test_refusal_names_the_malformed_question if {
	answer := lib.refusal(lib.question_malformed, {"x"}) with data.remit.settings as settings
	answer.effect == "deny"
	codes(answer.findings) == {"QUESTION_MALFORMED"}
}

test_a_hold_that_nobody_can_answer_is_a_denial if {
	question := with_value(call_question, "/principal/user", null)
	answer := _answer({"hold": {object.union(_hold, {"answerer": "user"})}, "allow": {_allow}}, question)
	answer.effect == "deny"
	codes(answer.findings) == {"NOBODY_CAN_ANSWER"}
}

test_a_hold_addressed_to_nobody_is_a_denial if {
	answer := _answer({"hold": {object.union(_hold, {"answerer": ""})}, "allow": {_allow}}, call_question)
	codes(answer.findings) == {"NOBODY_CAN_ANSWER"}
}

test_an_answered_hold_no_longer_holds if {
	question := with_value(call_question, "/approvals", [approval("olga")])
	_answer({"hold": {_hold}, "allow": {_allow}}, question).effect == "permit"
}

test_a_rejected_hold_is_a_denial if {
	question := with_value(call_question, "/approvals", [object.union(approval("olga"), {"status": "rejected"})])
	answer := _answer({"hold": {_hold}, "allow": {_allow}}, question)
	codes(answer.findings) == {"APPROVAL_REJECTED"}
}

test_findings_are_bounded if {
	many := {{"code": "D", "subject": sprintf("%d", [i]), "rule": "r"} | some i in numbers.range(1, 300)}
	count(_answer({"deny": many}, call_question).findings) == 256
}

test_an_unanswered_revision_is_no_answer if {
	not lib.answer(object.union(_nothing, {"allow": {_allow}})) with input as call_question
}
