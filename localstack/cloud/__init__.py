"""`make localstack`: the packaged shop on LocalStack, deployed as on AWS."""
