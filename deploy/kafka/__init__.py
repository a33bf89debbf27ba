"""Kafka where none is given: librdkafka's in-process broker, Apache Kafka from its jars, the topics."""
