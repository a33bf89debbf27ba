"""What happens to an event between Kafka and ClickHouse."""
