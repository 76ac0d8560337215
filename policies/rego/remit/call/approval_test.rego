package remit.call_test

import data.remit.call
import data.remit.lib_test as fixture

import rego.v1

_held(rules) := fixture.with_value(fixture.call_question, "/call/holds", rules)

_confirm := {"id": "big", "answerer": "user"}

_approve := {"id": "risky", "answerer": "role:finance"}

_answered(question, code, person) := fixture.with_value(
	question, "/approvals",
	[object.union(fixture.approval(person), {"codes": [code]})],
)

test_the_user_confirms if {
	answer := _decide(_held([_confirm]), {})
	answer.effect == "hold"
	answer.findings == [{"code": "CONFIRMATION_REQUIRED", "subject": "big", "rule": "call/approval"}]
	answer.answerers == [{"kind": "user", "who": "uma"}]
	_effect(_answered(_held([_confirm]), "CONFIRMATION_REQUIRED", "uma")) == "permit"
	_effect(_answered(_held([_confirm]), "CONFIRMATION_REQUIRED", "rita")) == "hold"
}

test_somebody_else_approves if {
	answer := _decide(_held([_approve]), {})
	answer.findings == [{"code": "APPROVAL_REQUIRED", "subject": "risky", "rule": "call/approval"}]
	answer.answerers == [{"kind": "role", "who": "finance"}]
	_effect(_answered(_held([_approve]), "APPROVAL_REQUIRED", "rita")) == "permit"
	_effect(_answered(_held([_approve]), "APPROVAL_REQUIRED", "uma")) == "hold"
}

test_one_answer_does_not_do_for_two_people if {
	answer := _decide(_answered(_held([_confirm, _approve]), "CONFIRMATION_REQUIRED", "uma"), {})
	fixture.codes(answer.findings) == {"APPROVAL_REQUIRED"}
}

test_nobody_to_confirm if {
	question := fixture.with_value(_held([_confirm]), "/principal/user", null)
	answer := call.decision with input as question
		with data.remit.settings as fixture.settings
		with data.remit.templates as {"refund": object.union(fixture.templates.refund, {"autonomous": true})}
		with data.remit.extension.call as fixture.no_extension
	fixture.codes(answer.findings) == {"NOBODY_CAN_ANSWER"}
}

test_a_rejection_is_a_denial if {
	rejected := object.union(fixture.approval("rita"), {"status": "rejected"})
	question := fixture.with_value(_held([_approve]), "/approvals", [rejected])
	fixture.codes(_decide(question, {}).findings) == {"APPROVAL_REJECTED"}
}

test_missing_fields_do_not_let_it_pass if {
	_missing("call/holds") == {"QUESTION_MALFORMED"}
	_missing("approvals") == {"QUESTION_MALFORMED"}
	_effect(_held([{"answerer": "user"}])) == "hold"
	_effect(_held([{"answerer": "owner"}])) == "hold"
	fixture.codes(_decide(_held([{"id": "big"}]), {}).findings) == {"NOBODY_CAN_ANSWER"}
	fixture.codes(_decide(_held([{}]), {}).findings) == {"NOBODY_CAN_ANSWER"}
}
