package remit.plan_test

import data.remit.lib_test as fixture
import data.remit.plan

import rego.v1

test_narrowing_is_free if {
	_decide(fixture.narrowing_question, {}).findings == [{
		"code": "PLAN_NARROWED", "subject": "refund",
		"rule": "plan/narrowing",
	}]
}

test_narrowing_is_free_even_when_everything_lapsed if {
	lapsed := fixture.with_value(fixture.narrowing_question, "/time", 9999)
	withdrawn := fixture.with_value(lapsed, "/principal/agent/known", false)
	_effect(withdrawn) == "permit"
}

test_what_is_added_or_widened_is_not_narrowing if {
	every field in ["added", "widened"] {
		path := concat("/", ["/plan/diff", field])
		_effect(fixture.with_value(fixture.narrowing_question, path, ["s9"])) == "deny"
	}
}

test_missing_fields_are_not_narrowing if {
	every path in {"plan/grown", "plan/diff", "plan/diff/added", "plan/diff/widened", "plan"} {
		fixture.codes(plan.allow) == set() with input as fixture.without(fixture.narrowing_question, path)
			with data.remit.templates as fixture.templates
	}
}
