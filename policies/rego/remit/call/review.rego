package remit.call

import future.keywords.not
import rego.v1

packages contains "call/review"

# METADATA
# title: Nobody has reviewed this tool
# description: The tool is registered, but no one has looked at what it does and agreed to its use.
# custom:
#   code: TOOL_NOT_REVIEWED
#   remedy: Ask the tool's owner to have it reviewed.
#   controls: [NHI3:2025, ASI04, T17, PR.AA-05]
deny contains {"code": "TOOL_NOT_REVIEWED", "subject": data.remit.lib.tool_name, "rule": "call/review"} if {
	not _reviewed
}

# METADATA
# title: The tool has changed since its review
# description: What the tool says of itself is no longer what was reviewed.
# custom:
#   code: TOOL_DEFINITION_CHANGED
#   remedy: Ask the tool's owner to have the new definition reviewed.
#   controls: [NHI3:2025, ASI04, T17, PR.AA-05]
deny contains {"code": "TOOL_DEFINITION_CHANGED", "subject": data.remit.lib.tool_name, "rule": "call/review"} if {
	_reviewed
	not _unchanged
}

# METADATA
# title: The tool's review has lapsed
# description: The tool was reviewed, but too long ago to count.
# custom:
#   code: TOOL_REVIEW_OVERDUE
#   remedy: Ask the tool's owner to have the review renewed.
#   controls: [NHI3:2025, ASI04, PR.AA-05]
deny contains {"code": "TOOL_REVIEW_OVERDUE", "subject": data.remit.lib.tool_name, "rule": "call/review"} if {
	_reviewed
	not _in_time
}

_reviewed if is_object(input.tool.reviewed)

_unchanged if input.tool.reviewed.definition_changed == false

_in_time if input.time <= input.tool.reviewed.until
