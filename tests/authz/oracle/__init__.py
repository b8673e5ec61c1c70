"""A second evaluator of policies and grants, written from AWS's documentation alone, as plainly as possible.

It reads the JSON documents themselves on each question: nothing is compiled, kept or left out.
"""
