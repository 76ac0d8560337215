package remit.call_test

import data.remit.call
import data.remit.lib_test as fixture

import rego.v1

_limited(limits) := fixture.with_value(fixture.call_question, "/limits", limits)

_limit := fixture.call_question.limits[0]

test_exactly_the_limit_fits if {
	_effect(_limited([_limit])) == "permit"
	_effect(_limited([])) == "permit"
}

test_one_more_does_not if {
	every field in ["used", "in_flight", "amount"] {
		over := object.union(_limit, {"id": "over", field: _limit[field] + 1})
		_decide(_limited([_limit, over]), {}).findings == [{"code": "LIMIT_REACHED", "subject": "over", "rule": "call/limits"}]
	}
}

test_missing_fields_fit_nothing if {
	every field in ["used", "in_flight", "amount", "max"] {
		fixture.codes(_decide(_limited([object.remove(_limit, [field])]), {}).findings) == {"LIMIT_REACHED"}
	}
	fixture.codes(_decide(_limited([{}]), {}).findings) == {"LIMIT_REACHED"}
	"LIMIT_REACHED" in fixture.codes(call.deny) with input as {}
}
