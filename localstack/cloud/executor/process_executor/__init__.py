"""Runs LocalStack's Lambda functions as processes under AWS's own runtime client, without Docker."""
