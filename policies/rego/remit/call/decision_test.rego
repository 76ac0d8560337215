package remit.call_test

import data.remit.call
import data.remit.lib_test as fixture

import future.keywords.not
import rego.v1

_decide(question, extension) := answer if {
	answer := call.decision with input as question
		with data.remit.settings as fixture.settings
		with data.remit.templates as fixture.templates
		with data.remit.inventory as fixture.inventory
		with data.remit.extension.call as object.union(fixture.no_extension, extension)
}

_effect(question) := _decide(question, {}).effect

test_permitted_as_it_stands if {
	answer := _decide(fixture.call_question, {})
	answer.effect == "permit"
	answer.revision == "rev-1"
	count(answer.findings) == 1
}

test_only_ignorable_fields_may_be_missing if {
	missed := {path | some path in fixture.fields(fixture.call_question); _effect(fixture.without(fixture.call_question, path)) == "permit"}
	missed == _ignorable
}

test_malformed_is_refused if {
	every question in [{}, [], "x", null, fixture.with_value(fixture.call_question, "/version", 2)] {
		fixture.codes(_decide(question, {}).findings) == {"QUESTION_MALFORMED"}
		_effect(question) == "deny"
	}
}

test_an_extension_denies if {
	finding := {"code": "X_NO", "subject": "s", "rule": "custom/a/call"}
	_decide(fixture.call_question, {"deny": {finding}}).findings == [finding]
}

test_an_extension_holds if {
	held := {"code": "X_WAIT", "subject": "s", "rule": "custom/a/call", "answerer": "owner"}
	answer := _decide(fixture.call_question, {"hold": {held}})
	answer.effect == "hold"
	answer.answerers == [{"kind": "user", "who": "olga"}]
}

test_an_extension_obliges if {
	_decide(fixture.call_question, {"obligations": {{"kind": "k"}}}).obligations == [{"kind": "k"}]
}

test_without_the_extensions_there_is_no_answer if {
	not call.decision with input as fixture.call_question
		with data.remit.settings as fixture.settings
		with data.remit.templates as fixture.templates
}

test_every_file_says_that_it_was_evaluated if {
	own := {name | some name in _decide(fixture.call_question, {}).packages; startswith(name, "call/")}
	own == _files
}

_files := {
	"call/approval", "call/decision", "call/entitlement", "call/environment",
	"call/grant", "call/limits", "call/review", "call/secret", "call/step",
}

# What no rule reads. Whoever adds a rule that does takes it off this list.
_ignorable := {
	"principal/agent/owner", "principal/agent/roles", "principal/agent/confirmed_at",
	"principal/user/roles", "principal/user/confirmed_at",
	"principal/opener", "principal/opener/id", "principal/opener/kind",
	"run/id", "run/purpose", "run/parameters", "run/declared_by", "run/revision", "run/opened_at",
	"run/expires_at", "run/denials",
	"call/id", "call/mode", "call/arguments", "call/arguments/amount",
	"call/step/id", "call/step/violations", "call/step/approved",
	"tool/server", "tool/owner", "tool/impact", "tool/risk", "tool/resource", "tool/authority", "tool/reviewed/by",
	"limits/0", "limits/0/id", "limits/0/window", "limits/0/unit",
}
