"""The old system: declares its queue and publishes an order through the default exchange.

order_events.py URL QUEUE
"""
import json
import sys

import pika

url, queue = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.queue_declare(queue=queue)
order = {"event_type": "OrderCreated", "order_id": 123, "amount": 250}
channel.basic_publish(exchange="", routing_key=queue, body=json.dumps(order))
connection.close()
