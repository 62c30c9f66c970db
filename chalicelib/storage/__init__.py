"""The two stores: DynamoDB (catalogue, users, orders) and Redis (carts, settlement accounts)."""
