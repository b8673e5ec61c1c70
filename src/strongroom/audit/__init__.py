"""The audit of a process: CloudTrail records, durable before the answer."""
