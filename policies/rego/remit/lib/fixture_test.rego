# METADATA
# title: Questions that are permitted as they stand, for every test to spoil
package remit.lib_test

import rego.v1

settings := {"revision": "rev-1", "environment": "test", "max_secret_age_days": 90}

templates := {"refund": {
	"id": "refund", "owner": "olga", "agents": ["desk", "helper"], "users": ["uma", "udo"],
	"autonomous": false, "review_by_epoch": 2000,
}}

inventory := {"agents": {}, "users": {"rita": {"id": "rita", "roles": ["finance"]}, "uma": {"id": "uma", "roles": ["finance"]}}}

no_extension := {"deny": set(), "hold": set(), "obligations": set(), "packages": {"extension"}}

_asked := {
	"version": 1, "time": 1000, "environment": "test",
	"principal": {
		"agent": {"id": "desk", "known": true, "owner": "olga", "roles": [], "environments": ["test"], "confirmed_at": 900},
		"user": {"id": "uma", "roles": [], "verified": true, "confirmed_at": 900},
		"chain": [],
		"opener": {"id": "desk", "kind": "agent"},
	},
	"run": {
		"id": "run_1", "template": "refund", "purpose": "refunds", "parameters": {}, "declared_by": "agent",
		"revision": 1, "opened_at": 900, "expires_at": 1900, "denials": 0,
	},
	"call": null, "tool": null, "plan": null, "limits": [], "approvals": [],
}

run_question := object.union(_asked, {"question": "run"})

plan_question := object.union(_asked, {"question": "plan", "plan": {
	"base_revision": 1, "requested_by": "agent",
	"diff": {"added": ["s2"], "removed": [], "narrowed": [], "widened": ["s1"]},
	"grown": [
		{"id": "s1", "tool": "pay", "known": true, "within_template": true, "within_ceiling": true},
		{"id": "s2", "tool": "look", "known": true, "within_template": true, "within_ceiling": true},
	],
}})

narrowing_question := object.union(_asked, {"question": "plan", "plan": {
	"base_revision": 1, "requested_by": "agent",
	"diff": {"added": [], "removed": ["s2"], "narrowed": ["s1"], "widened": []},
	"grown": [],
}})

call_question := object.union(_asked, {
	"question": "call",
	"call": {
		"id": "c1", "tool": "pay", "mode": "execute", "arguments": {"amount": 5},
		"step": {"id": "s1", "admitted": true, "violations": [], "approved": false},
		"grant": {"granted": true, "violations": []}, "holds": [],
	},
	"tool": {
		"name": "pay", "server": "bank", "owner": "olga", "impact": "write", "risk": "low", "environment": "test",
		"resource": "https://bank.example/pay", "authority": [],
		"reviewed": {"by": "rex", "until": 1500, "definition_changed": false},
		"secret": null,
	},
	"limits": [{"id": "sum", "window": "run", "used": 5, "in_flight": 3, "amount": 2, "max": 10, "unit": "EUR"}],
})

# METADATA
# title: The question without one field
without(question, path) := json.remove(question, [path])

# METADATA
# title: The question with one field of another value
with_value(question, path, value) := json.patch(question, [{"op": "replace", "path": path, "value": value}])

approval(person) := {"id": "apr_1", "status": "approved", "codes": ["A"], "answered_by": person, "expires_at": 1001}

codes(findings) := {finding.code | some finding in findings}

# METADATA
# title: Every field of the question, however deep
# description: As paths for json.remove.
fields(question) := {concat("/", [sprintf("%v", [part]) | some part in path]) |
	walk(question, [path, _])
	count(path) > 0
}
