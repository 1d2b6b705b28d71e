"""Publishes an event with a header of every type that pika can write.

publish_headers.py URL KEY
"""
import sys
from datetime import datetime, timezone
from decimal import Decimal

import pika

HEADERS = {
    "timestamp": datetime(2026, 11, 23, 8, 54, tzinfo=timezone.utc),
    "decimal": Decimal("12.50"),
    "table": {"tenant": "acme", "limits": {"daily": 3}},
    "array": ["a", 1, None, [True]],
    "void": None,
    "bool": True,
    "int": -7,
    "long": 2**40,
    "text": "grüß dich",
    "bytes": b"\xff\x00",
}

url, key = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.confirm_delivery()
properties = pika.BasicProperties(headers=HEADERS)
channel.basic_publish(exchange="eda.events", routing_key=key, body='{"order_id": 1}', properties=properties)
connection.close()
