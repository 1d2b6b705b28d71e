"""Reads events with a queue of its own, and prints each as a line of JSON.

read_events.py URL KEY COUNT
"""
import json
import sys

import pika

url, key, count = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
queue = channel.queue_declare(queue="", exclusive=True).method.queue
channel.queue_bind(queue=queue, exchange="eda.events", routing_key=key)
print("bound", flush=True)

for method, properties, body in channel.consume(queue):
    event = {
        "routing_key": method.routing_key,
        "headers": properties.headers,
        "content_type": properties.content_type,
        "message_id": properties.message_id,
        "type": properties.type,
        "delivery_mode": properties.delivery_mode,
        "body": json.loads(body),
    }
    print(json.dumps(event), flush=True)
    channel.basic_ack(method.delivery_tag)
    if method.delivery_tag == int(count):
        break
connection.close()
