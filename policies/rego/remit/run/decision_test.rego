package remit.run_test

import data.remit.lib_test as fixture
import data.remit.run

import future.keywords.not
import rego.v1

_decide(question, extension) := answer if {
	answer := run.decision with input as question
		with data.remit.settings as fixture.settings
		with data.remit.templates as fixture.templates
		with data.remit.inventory as fixture.inventory
		with data.remit.extension.run as object.union(fixture.no_extension, extension)
}

_effect(question) := _decide(question, {}).effect

test_permitted_as_it_stands if {
	answer := _decide(fixture.run_question, {})
	answer.effect == "permit"
	answer.revision == "rev-1"
	count(answer.findings) == 1
}

test_only_ignorable_fields_may_be_missing if {
	missed := {path | some path in fixture.fields(fixture.run_question); _effect(fixture.without(fixture.run_question, path)) == "permit"}
	missed == _ignorable
}

test_malformed_is_refused if {
	every question in [{}, [], "x", null, fixture.with_value(fixture.run_question, "/version", 2)] {
		fixture.codes(_decide(question, {}).findings) == {"QUESTION_MALFORMED"}
		_effect(question) == "deny"
	}
}

test_an_extension_denies if {
	finding := {"code": "X_NO", "subject": "s", "rule": "custom/a/run"}
	_decide(fixture.run_question, {"deny": {finding}}).findings == [finding]
}

test_an_extension_holds if {
	held := {"code": "X_WAIT", "subject": "s", "rule": "custom/a/run", "answerer": "owner"}
	answer := _decide(fixture.run_question, {"hold": {held}})
	answer.effect == "hold"
	answer.answerers == [{"kind": "user", "who": "olga"}]
}

test_an_extension_obliges if {
	_decide(fixture.run_question, {"obligations": {{"kind": "k"}}}).obligations == [{"kind": "k"}]
}

test_without_the_extensions_there_is_no_answer if {
	not run.decision with input as fixture.run_question
		with data.remit.settings as fixture.settings
		with data.remit.templates as fixture.templates
}

test_every_file_says_that_it_was_evaluated if {
	own := {name | some name in _decide(fixture.run_question, {}).packages; startswith(name, "run/")}
	own == _files
}

_files := {"run/decision", "run/entitlement"}

# What no rule reads. Whoever adds a rule that does takes it off this list.
_ignorable := {
	"tool",
	"principal/agent/owner", "principal/agent/roles", "principal/agent/confirmed_at",
	"principal/user/roles", "principal/user/confirmed_at",
	"run/id", "run/purpose", "run/parameters", "run/declared_by", "run/revision", "run/opened_at",
	"run/expires_at", "run/denials",
}
