package remit.lib_test

import data.remit.lib

import future.keywords.not
import rego.v1

_unentitled(question) := found if {
	found := codes(lib.unentitled) with input as question with data.remit.templates as templates
}

_by_template(question, template) := found if {
	found := codes(lib.unentitled) with input as question
		with data.remit.templates as {"refund": object.union(templates.refund, template)}
}

test_a_good_principal_is_entitled if {
	lib.entitled with input as call_question with data.remit.templates as templates
}

test_spoilt_facts if {
	cases := [
		["/run/template", "other", "TEMPLATE_UNKNOWN"],
		["/time", 2000, "TEMPLATE_OVERDUE"],
		["/principal/agent/known", false, "AGENT_UNKNOWN"],
		["/environment", "production", "AGENT_ENVIRONMENT"],
		["/principal/agent/environments", [], "AGENT_ENVIRONMENT"],
		["/principal/agent/id", "stranger", "AGENT_NOT_ENTITLED"],
		["/principal/chain", ["helper", "stranger"], "AGENT_NOT_ENTITLED"],
		["/principal/user", null, "USER_REQUIRED"],
		["/principal/user/verified", false, "USER_NOT_VERIFIED"],
		["/principal/user/id", "eve", "USER_NOT_ENTITLED"],
	]
	every case in cases {
		[path, value, code] := case
		question := with_value(call_question, path, value)
		_unentitled(question) == {code}
		not lib.entitled with input as question with data.remit.templates as templates
	}
}

test_missing_facts if {
	cases := [
		["run/template", "TEMPLATE_UNKNOWN"],
		["run", "TEMPLATE_UNKNOWN"],
		["time", "TEMPLATE_OVERDUE"],
		["principal/agent/known", "AGENT_UNKNOWN"],
		["principal/agent", "AGENT_UNKNOWN"],
		["environment", "AGENT_ENVIRONMENT"],
		["principal/agent/environments", "AGENT_ENVIRONMENT"],
		["principal/agent/id", "AGENT_NOT_ENTITLED"],
		["principal/chain", "AGENT_NOT_ENTITLED"],
		["principal/user", "USER_REQUIRED"],
		["principal/user", "USER_NOT_VERIFIED"],
		["principal/user/verified", "USER_NOT_VERIFIED"],
		["principal/user/id", "USER_NOT_ENTITLED"],
	]
	every case in cases {
		[path, code] := case
		code in _unentitled(without(call_question, path))
	}
}

test_missing_template_facts if {
	cases := [
		["review_by_epoch", "TEMPLATE_OVERDUE"],
		["agents", "AGENT_NOT_ENTITLED"],
		["users", "USER_NOT_ENTITLED"],
	]
	every case in cases {
		[field, code] := case
		found := codes(lib.unentitled) with input as call_question
			with data.remit.templates as {"refund": object.remove(templates.refund, [field])}
		found == {code}
	}
}

test_nothing_at_all if {
	_unentitled({}) == {"TEMPLATE_UNKNOWN", "AGENT_UNKNOWN", "USER_NOT_VERIFIED"}
	not lib.entitled with input as {}
}

test_on_the_day_before_the_review_it_still_counts if {
	_unentitled(with_value(call_question, "/time", 1999)) == set()
}

test_delegates_must_be_listed_too if {
	_unentitled(with_value(call_question, "/principal/chain", ["helper"])) == set()
}

test_without_a_user_only_where_that_is_allowed if {
	question := with_value(call_question, "/principal/user", null)
	_by_template(question, {"autonomous": true}) == set()
}

test_any_verified_user if {
	question := with_value(call_question, "/principal/user/id", "eve")
	_by_template(question, {"users": ["*"]}) == set()
	_by_template(with_value(question, "/principal/user/verified", false), {"users": ["*"]}) == {"USER_NOT_VERIFIED"}
	_by_template(without(question, "principal/user/id"), {"users": ["*"]}) == {"USER_NOT_ENTITLED"}
}

test_a_user_called_star_is_no_star if {
	question := with_value(call_question, "/principal/user/id", "*")
	_unentitled(question) == {"USER_NOT_ENTITLED"}
}

test_a_missing_user_is_not_an_autonomous_run if {
	_by_template(without(call_question, "principal/user"), {"autonomous": true}) == {
		"USER_REQUIRED", "USER_NOT_VERIFIED",
		"USER_NOT_ENTITLED",
	}
}

test_truth_is_nothing_else if {
	_unentitled(with_value(call_question, "/principal/agent/known", "true")) == {"AGENT_UNKNOWN"}
	_unentitled(with_value(call_question, "/principal/user/verified", "true")) == {"USER_NOT_VERIFIED"}
	_by_template(with_value(call_question, "/principal/user", null), {"autonomous": "true"}) == {"USER_REQUIRED"}
}
