package remit.lib

import future.keywords.not
import rego.v1

packages contains "lib/approval"

# METADATA
# title: The approval was refused
# description: The person who was asked to approve this said no.
# custom:
#   code: APPROVAL_REJECTED
#   remedy: Talk to the person who refused; then ask for something else, or ask anew in a new run.
#   controls: [NHI10:2025, ASI09, PR.AA-05]
rejected contains {"code": "APPROVAL_REJECTED", "subject": subject, "rule": "lib/approval"} if {
	some approval in object.get(input, "approvals", [])
	not _unrejected(approval)
	subject := object.get(approval, "id", "")
}

_unrejected(approval) if approval.status in {"pending", "approved"}

# METADATA
# title: The holds that nobody has answered yet
# description: A hold is answered by an approval of its code from somebody whom it was addressed to.
waiting(holds) := {held | some held in holds; not answered(held.code, held.answerer)}

# METADATA
# title: Whether a hold with this code, addressed like this, has been approved
# description: >-
#   The answer is bound to exactly this question by the gateway; here it must fit who had to answer.
answered(code, addressee) if {
	some approval in input.approvals
	approval.status == "approved"
	code in approval.codes
	input.time < approval.expires_at
	_may_answer(addressee, approval.answered_by)
}

_may_answer("user", person) if person == input.principal.user.id

_may_answer("owner", person) if {
	person == template.owner
	not _runs_for(person)
}

_may_answer(addressee, person) if {
	startswith(addressee, "role:")
	substring(addressee, 5, -1) in data.remit.inventory.users[person].roles
	not _runs_for(person)
}

# Four eyes: nobody approves what is done on their own behalf.
_runs_for(person) if person == input.principal.user.id

# METADATA
# title: Whether there can be somebody to answer
# description: The run's user, the task type's owner unless that is the run's user, or whoever has a role.
answerable("user") if is_string(input.principal.user.id)

answerable("owner") if {
	is_string(template.owner)
	not _runs_for(template.owner)
}

answerable(addressee) if startswith(addressee, "role:")

# METADATA
# title: Who is asked, as the gateway understands it
# description: One person, or anyone with a role.
answerer("user") := {"kind": "user", "who": user_id}

answerer("owner") := {"kind": "user", "who": template.owner}

answerer(addressee) := {"kind": "role", "who": substring(addressee, 5, -1)} if startswith(addressee, "role:")

# METADATA
# title: A hold as a finding
# description: Without the addressee, who is named beside the findings.
finding(held) := {"code": held.code, "subject": held.subject, "rule": held.rule}
