package remit.call

import rego.v1

packages contains "call/approval"

# METADATA
# title: The user has to confirm
# description: The task type wants the person for whom the agent works to look at this call before it is made.
# custom:
#   code: CONFIRMATION_REQUIRED
#   remedy: Confirm or refuse it in the approvals list; then let the agent ask again.
#   controls: [NHI10:2025, ASI09, T15, PR.AA-05]
hold contains held if {
	some rule in input.call.holds
	rule.answerer == "user"
	held := {
		"code": "CONFIRMATION_REQUIRED",
		"subject": object.get(rule, "id", ""),
		"rule": "call/approval",
		"answerer": "user",
	}
}

# METADATA
# title: Somebody else has to approve
# description: The task type wants a second person to look at this call before it is made.
# custom:
#   code: APPROVAL_REQUIRED
#   remedy: Ask one of the people named with the answer to approve it; then let the agent ask again.
#   controls: [NHI10:2025, ASI09, T10, PR.AA-05]
hold contains held if {
	some rule in input.call.holds
	addressee := object.get(rule, "answerer", "")
	addressee != "user"
	held := {
		"code": "APPROVAL_REQUIRED",
		"subject": object.get(rule, "id", ""),
		"rule": "call/approval",
		"answerer": addressee,
	}
}
