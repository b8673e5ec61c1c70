"""The network side: HTTP and the AWS JSON protocol."""
