"""Publishes orders 1 to 6, each with other properties.

publish_properties.py URL KEY
"""
import json
import sys

import pika

PROPERTIES = [
    pika.BasicProperties(),
    pika.BasicProperties(headers={}),
    pika.BasicProperties(headers={"tenant": "acme"}),
    pika.BasicProperties(content_type="application/json; charset=utf-8"),
    pika.BasicProperties(content_type="application/json", content_encoding="utf-8"),
    pika.BasicProperties(message_id="Order-77"),
]

url, key = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.confirm_delivery()
for order_id, properties in enumerate(PROPERTIES, start=1):
    body = json.dumps({"order_id": order_id})
    channel.basic_publish(exchange="eda.events", routing_key=key, body=body, properties=properties)
connection.close()
