# METADATA
# title: What the three questions share
# description: >-
#   Facts, entitlement, approvals, extensions, and the one way in which findings become an answer.
#   Nothing in here permits by itself.
package remit.lib

import future.keywords.not
import rego.v1

packages contains "lib/answer"

# The answer's length is bounded, so that no input can make it one that the gateway must refuse.
_max_findings := 256

_max_answerers := 16

# METADATA
# title: One answer out of what the rules said
# description: Deny wins over hold, hold over permit, and nothing said is a denial.
answer(said) := _outcome(said, denials, held) if {
	held := waiting(said.hold)
	denials := (said.deny | rejected) | {nobody_can_answer(one) | some one in held; not answerable(one.answerer)}
}

_outcome(said, denials, held) := _answer("deny", denials, set(), set(), said.packages) if {
	count(denials) > 0
} else := _answer("hold", {finding(one) | some one in held}, set(), held, said.packages) if {
	count(held) > 0
} else := _answer("permit", said.allow, said.obligations, set(), said.packages) if {
	count(said.allow) > 0
} else := refusal(no_rule_permits, said.packages)

# METADATA
# title: A denial for one reason
# description: Also what a malformed question gets, before any rule is asked.
refusal(reason, evaluated) := _answer("deny", {reason}, set(), set(), evaluated)

_answer(effect, findings, obligations, held, evaluated) := {
	"effect": effect,
	"findings": array.slice(sort(findings), 0, _max_findings),
	"obligations": sort(obligations),
	"answerers": array.slice(sort({answerer(one.answerer) | some one in held}), 0, _max_answerers),
	"revision": data.remit.settings.revision,
	"packages": sort(evaluated | packages),
}

# METADATA
# title: No rule permits this
# description: >-
#   Nothing forbids the request, but nothing in the policy allows it either, and what is not allowed is
#   refused.
# custom:
#   code: NO_RULE_PERMITS
#   remedy: Ask the owner of the task type whether this should be allowed.
#   controls: [NHI5:2025, ASI02, PR.AA-05]
no_rule_permits := {"code": "NO_RULE_PERMITS", "subject": template_id, "rule": "lib/answer"}

# METADATA
# title: The question to the policy is malformed
# description: The gateway asked the policy something that it does not understand, so nothing was allowed.
# custom:
#   code: QUESTION_MALFORMED
#   remedy: Tell the platform team; the gateway and its policy do not fit together.
#   controls: [PR.AA-05]
question_malformed := {"code": "QUESTION_MALFORMED", "subject": "", "rule": "lib/answer"}

# METADATA
# title: Nobody can answer
# description: >-
#   The request must wait for a person, and there is none who may answer: the run has no user, or the person
#   who would have to approve is the one on whose behalf the run works.
# custom:
#   code: NOBODY_CAN_ANSWER
#   remedy: Start the run for a verified user, or ask the owner of the task type to name another approver.
#   controls: [NHI10:2025, ASI09, PR.AA-05]
nobody_can_answer(held) := {"code": "NOBODY_CAN_ANSWER", "subject": held.subject, "rule": "lib/answer"}
