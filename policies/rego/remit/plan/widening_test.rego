package remit.plan_test

import data.remit.lib_test as fixture
import data.remit.plan

import rego.v1

_codes(question) := fixture.codes(_decide(question, {}).findings)

_beyond := fixture.with_value(fixture.plan_question, "/plan/grown/0/within_template", false)

_put_back := fixture.with_value(fixture.plan_question, "/plan/grown/0/within_ceiling", false)

_for_nobody(question) := fixture.with_value(question, "/principal/user", null)

_approved(approval) := fixture.with_value(_beyond, "/approvals", [object.union(
	fixture.approval("olga"),
	object.union({"codes": ["STEP_BEYOND_TEMPLATE"]}, approval),
)])

test_within_the_template if {
	_codes(fixture.plan_question) == {"PLAN_WITHIN_TEMPLATE"}
}

test_beyond_the_template_waits_for_its_owner if {
	answer := _decide(_beyond, {})
	answer.effect == "hold"
	answer.findings == [{"code": "STEP_BEYOND_TEMPLATE", "subject": "s1", "rule": "plan/widening"}]
	answer.answerers == [{"kind": "user", "who": "olga"}]
}

test_the_owner_lets_it_pass if {
	_effect(_approved({})) == "permit"
}

test_nobody_else_lets_it_pass if {
	every person in ["uma", "rita", "desk"] {
		_effect(_approved({"answered_by": person})) == "hold"
	}
	_effect(_approved({"codes": ["APPROVAL_REQUIRED"]})) == "hold"
	_effect(_approved({"status": "pending"})) == "hold"
}

test_a_rejection_is_a_denial if {
	_codes(_approved({"status": "rejected"})) == {"APPROVAL_REJECTED"}
}

test_the_owner_does_not_approve_their_own_run if {
	question := fixture.with_value(_beyond, "/principal/user/id", "olga")
	answer := plan.decision with input as question
		with data.remit.settings as fixture.settings
		with data.remit.templates as {"refund": object.union(fixture.templates.refund, {"users": ["*"]})}
		with data.remit.extension.plan as fixture.no_extension
	fixture.codes(answer.findings) == {"NOBODY_CAN_ANSWER"}
}

_agreed(question, approval) := fixture.with_value(question, "/approvals", [object.union(
	fixture.approval("uma"),
	object.union({"codes": ["STEP_BEYOND_OPENER"]}, approval),
)])

test_what_the_opener_took_out_waits_for_the_user if {
	answer := _decide(_put_back, {})
	answer.effect == "hold"
	answer.findings == [{"code": "STEP_BEYOND_OPENER", "subject": "s1", "rule": "plan/widening"}]
	answer.answerers == [{"kind": "user", "who": "uma"}]
}

test_the_user_lets_it_back_in if {
	_effect(_agreed(_put_back, {})) == "permit"
}

test_nobody_else_lets_it_back_in if {
	every person in ["olga", "rita", "desk"] {
		_effect(_agreed(_put_back, {"answered_by": person})) == "hold"
	}
	_effect(_agreed(_put_back, {"codes": ["STEP_BEYOND_TEMPLATE"]})) == "hold"
	_effect(_agreed(_put_back, {"status": "pending"})) == "hold"
	_effect(_agreed(_put_back, {"expires_at": 1000})) == "hold"
	_codes(_agreed(_put_back, {"status": "rejected"})) == {"APPROVAL_REJECTED"}
}

test_in_a_run_for_nobody_the_owner_answers if {
	autonomous := {"refund": object.union(fixture.templates.refund, {"autonomous": true})}
	held := plan.decision with input as _for_nobody(_put_back)
		with data.remit.settings as fixture.settings
		with data.remit.templates as autonomous
		with data.remit.extension.plan as fixture.no_extension
	held.effect == "hold"
	held.answerers == [{"kind": "user", "who": "olga"}]
	answered := plan.decision with input as _for_nobody(_agreed(_put_back, {"answered_by": "olga"}))
		with data.remit.settings as fixture.settings
		with data.remit.templates as autonomous
		with data.remit.extension.plan as fixture.no_extension
	answered.effect == "permit"
}

test_who_opened_the_run_may_change_their_mind if {
	every kind in {"user", "orchestrator"} {
		_codes(fixture.with_value(_put_back, "/plan/requested_by", kind)) == {"PLAN_WITHIN_TEMPLATE"}
	}
}

test_beyond_both_needs_both if {
	both := fixture.with_value(_beyond, "/plan/grown/1/within_ceiling", false)
	_codes(both) == {"STEP_BEYOND_TEMPLATE", "STEP_BEYOND_OPENER"}
	owner := object.union(fixture.approval("olga"), {"codes": ["STEP_BEYOND_TEMPLATE", "STEP_BEYOND_OPENER"]})
	user := object.union(owner, {"answered_by": "uma"})
	_codes(fixture.with_value(both, "/approvals", [owner])) == {"STEP_BEYOND_OPENER"}
	_codes(fixture.with_value(both, "/approvals", [user])) == {"STEP_BEYOND_TEMPLATE"}
	_effect(fixture.with_value(both, "/approvals", [owner, user])) == "permit"
}

test_an_unknown_tool_is_a_denial if {
	_codes(fixture.with_value(_beyond, "/plan/grown/0/known", false)) == {"STEP_TOOL_UNKNOWN"}
}

test_what_lapsed_does_not_grow if {
	_codes(fixture.with_value(fixture.plan_question, "/time", 2000)) == {"TEMPLATE_OVERDUE"}
	_codes(fixture.with_value(fixture.plan_question, "/principal/agent/known", false)) == {"AGENT_UNKNOWN"}
}

test_a_step_that_was_not_checked_does_not_grow if {
	_codes(fixture.with_value(fixture.plan_question, "/plan/diff/added", ["s9"])) == {"NO_RULE_PERMITS"}
	_codes(fixture.with_value(fixture.plan_question, "/plan/diff/widened", ["s9"])) == {"NO_RULE_PERMITS"}
}

test_missing_fields_do_not_grow if {
	_codes(fixture.without(fixture.plan_question, "plan/grown/0/known")) == {"STEP_TOOL_UNKNOWN"}
	_codes(fixture.without(fixture.plan_question, "plan/grown/0/within_template")) == {"STEP_BEYOND_TEMPLATE"}
	_codes(fixture.without(_beyond, "plan/grown/0/id")) == {"STEP_BEYOND_TEMPLATE"}
	_codes(fixture.without(fixture.plan_question, "plan/grown/0/within_ceiling")) == {"STEP_BEYOND_OPENER"}
	_codes(fixture.without(fixture.plan_question, "plan/requested_by")) == {"STEP_BEYOND_OPENER"}
	_codes(fixture.without(_put_back, "plan/grown/0/id")) == {"STEP_BEYOND_OPENER"}
	every path in {"plan/grown/0/id", "plan/diff/added", "plan/diff/widened"} {
		_codes(fixture.without(fixture.plan_question, path)) == {"NO_RULE_PERMITS"}
	}
	every path in {"plan", "plan/diff", "plan/grown"} {
		_codes(fixture.without(fixture.plan_question, path)) == {"QUESTION_MALFORMED"}
	}
}

test_nothing_is_allowed_to_grow_unless_everything_holds if {
	lapsed := fixture.with_value(fixture.plan_question, "/time", 2000)
	every question in [
		lapsed,
		_beyond,
		_put_back,
		fixture.with_value(fixture.plan_question, "/plan/grown/0/within_template", "true"),
		fixture.with_value(fixture.plan_question, "/plan/grown/0/within_ceiling", "true"),
		fixture.with_value(_put_back, "/plan/requested_by", "somebody"),
		fixture.with_value(fixture.plan_question, "/plan/grown/0/known", "true"),
	] {
		plan.allow == set() with input as question with data.remit.templates as fixture.templates
	}
}

test_growth_of_any_kind_needs_entitlement if {
	lapsed := fixture.with_value(fixture.narrowing_question, "/time", 2000)
	every path, value in {
		"/plan/grown": [fixture.plan_question.plan.grown[0]],
		"/plan/diff/added": ["s1"],
		"/plan/diff/widened": ["s1"],
	} {
		_codes(fixture.with_value(lapsed, path, value)) == {"TEMPLATE_OVERDUE"}
	}
}
