package remit.plan_test

import data.remit.lib_test as fixture
import data.remit.plan

import future.keywords.not
import rego.v1

_decide(question, extension) := answer if {
	answer := plan.decision with input as question
		with data.remit.settings as fixture.settings
		with data.remit.templates as fixture.templates
		with data.remit.inventory as fixture.inventory
		with data.remit.extension.plan as object.union(fixture.no_extension, extension)
}

_effect(question) := _decide(question, {}).effect

test_permitted_as_it_stands if {
	answer := _decide(fixture.plan_question, {})
	answer.effect == "permit"
	answer.revision == "rev-1"
	count(answer.findings) == 1
}

test_only_ignorable_fields_may_be_missing if {
	missed := {path | some path in fixture.fields(fixture.plan_question); _effect(fixture.without(fixture.plan_question, path)) == "permit"}
	missed == _ignorable
}

test_malformed_is_refused if {
	every question in [{}, [], "x", null, fixture.with_value(fixture.plan_question, "/version", 2)] {
		fixture.codes(_decide(question, {}).findings) == {"QUESTION_MALFORMED"}
		_effect(question) == "deny"
	}
}

test_an_extension_denies if {
	finding := {"code": "X_NO", "subject": "s", "rule": "custom/a/plan"}
	_decide(fixture.plan_question, {"deny": {finding}}).findings == [finding]
}

test_an_extension_holds if {
	held := {"code": "X_WAIT", "subject": "s", "rule": "custom/a/plan", "answerer": "owner"}
	answer := _decide(fixture.plan_question, {"hold": {held}})
	answer.effect == "hold"
	answer.answerers == [{"kind": "user", "who": "olga"}]
}

test_an_extension_obliges if {
	_decide(fixture.plan_question, {"obligations": {{"kind": "k"}}}).obligations == [{"kind": "k"}]
}

test_without_the_extensions_there_is_no_answer if {
	not plan.decision with input as fixture.plan_question
		with data.remit.settings as fixture.settings
		with data.remit.templates as fixture.templates
}

test_every_file_says_that_it_was_evaluated if {
	own := {name | some name in _decide(fixture.plan_question, {}).packages; startswith(name, "plan/")}
	own == _files
}

_files := {"plan/decision", "plan/narrowing", "plan/widening"}

# What no rule reads. Whoever adds a rule that does takes it off this list.
_ignorable := {
	"tool",
	"principal/agent/owner", "principal/agent/roles", "principal/agent/confirmed_at",
	"principal/user/roles", "principal/user/confirmed_at",
	"principal/opener", "principal/opener/id", "principal/opener/kind",
	"run/id", "run/purpose", "run/parameters", "run/declared_by", "run/revision", "run/opened_at",
	"run/expires_at", "run/denials",
	"plan/base_revision", "plan/diff/removed", "plan/diff/narrowed",
	"plan/diff/added/0", "plan/diff/widened/0",
	"plan/grown/0/tool", "plan/grown/1/tool",
}
