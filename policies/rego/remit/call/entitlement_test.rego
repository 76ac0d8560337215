package remit.call_test

import data.remit.lib_test as fixture

import rego.v1

_spoilt(path, value) := fixture.codes(_decide(fixture.with_value(fixture.call_question, path, value), {}).findings)

_missing(path) := fixture.codes(_decide(fixture.without(fixture.call_question, path), {}).findings)

test_what_was_withdrawn_stops_here if {
	_spoilt("/time", 2000) == {"TEMPLATE_OVERDUE", "TOOL_REVIEW_OVERDUE"}
	_spoilt("/run/template", "gone") == {"TEMPLATE_UNKNOWN"}
	_spoilt("/principal/agent/known", false) == {"AGENT_UNKNOWN"}
	_spoilt("/principal/agent/environments", ["production"]) == {"AGENT_ENVIRONMENT"}
	_spoilt("/principal/agent/id", "stranger") == {"AGENT_NOT_ENTITLED"}
	_spoilt("/principal/user/id", "eve") == {"USER_NOT_ENTITLED"}
}

test_missing_facts_entitle_nobody if {
	_missing("run/template") == {"TEMPLATE_UNKNOWN"}
	_missing("principal/agent") == {"AGENT_UNKNOWN", "AGENT_NOT_ENTITLED"}
	_missing("principal/user") == {"USER_REQUIRED", "USER_NOT_VERIFIED", "USER_NOT_ENTITLED"}
}
