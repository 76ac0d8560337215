package remit.lib

import future.keywords.not
import rego.v1

packages contains "lib/extension"

# METADATA
# title: What extensions deny
# description: >-
#   Takes what each extension package said, as entries of rule (its name), part (deny, hold, obligations) and
#   value. What cannot be understood is a denial too.
extension_denials(said) := _denials(said) | {extension_malformed(one.part, one.rule) |
	some one in said
	not _understood(one)
}

_denials(said) := {_finding(entry, one.rule) |
	some one in said
	one.part == "deny"
	some entry in _entries(one)
}

# METADATA
# title: What extensions hold for a human
# description: Each entry says who is to answer, in the words of a template's hold.
extension_holds(said) := {held |
	some one in said
	one.part == "hold"
	some entry in _entries(one)
	_is_hold(entry)
	held := object.union(_finding(entry, one.rule), {"answerer": entry.answerer})
}

# METADATA
# title: What extensions oblige the gateway to
# description: The gateway refuses an obligation that it does not know.
extension_obligations(said) := {entry |
	some one in said
	one.part == "obligations"
	some entry in _entries(one)
}

# METADATA
# title: The company's own rule is broken
# description: >-
#   A rule that the company added to the policy says something that cannot be understood, so the request
#   is refused.
# custom:
#   code: EXTENSION_MALFORMED
#   remedy: Tell the team that wrote the rule; its name is given with the refusal.
#   controls: [PR.AA-05]
extension_malformed(part, rule) := {"code": "EXTENSION_MALFORMED", "subject": part, "rule": rule}

_entries(one) := one.value if {
	is_set(one.value)
} else := set()

_understood(one) if {
	one.part in {"deny", "obligations"}
	is_set(one.value)
}

_understood(one) if {
	one.part == "hold"
	is_set(one.value)
	every entry in one.value {
		_is_hold(entry)
	}
}

_finding(entry, rule) := {"code": entry.code, "subject": entry.subject, "rule": rule} if {
	_is_finding(entry)
} else := extension_malformed("deny", rule)

_is_finding(entry) if {
	is_string(entry.code)
	regex.match(`^X_[A-Z0-9_]{1,62}$`, entry.code)
	is_string(entry.subject)
}

_is_hold(entry) if {
	_is_finding(entry)
	is_string(entry.answerer)
	regex.match(`^(user|owner|role:[A-Za-z0-9_.-]+)$`, entry.answerer)
}
