from tests.support.kafka import apache_broker, apache_kafka, inprocess_kafka, kafka, kafka_jars

__all__ = ["apache_broker", "apache_kafka", "inprocess_kafka", "kafka", "kafka_jars"]
