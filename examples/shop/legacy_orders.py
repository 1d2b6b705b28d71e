"""The old shop: puts its orders into a queue, as it has done for years.

    python3 examples/shop/legacy_orders.py amqp://localhost

Then the new shop takes them:

    cargo run --example shop --features rabbit -- --broker amqp://localhost --legacy
"""
import json
import sys
import time

try:
    import pika
except ImportError:
    sys.exit(
        "this needs pika. To put it into an environment of its own:\n"
        "    python3 -m venv target/python && target/python/bin/pip install pika\n"
        "and then: target/python/bin/python examples/shop/legacy_orders.py amqp://localhost"
    )

if len(sys.argv) != 2:
    sys.exit("expected the broker's URL: python3 examples/shop/legacy_orders.py amqp://localhost")

try:
    connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
except pika.exceptions.AMQPConnectionError:
    sys.exit("no RabbitMQ answers there: is it running? `cargo xtask broker` starts a private one")
channel = connection.channel()
channel.queue_declare(queue="order_events", durable=True)

number = int(time.time()) % 1_000_000
for customer, item, euros in [("Hana", "a teapot", 39), ("Ivo", "a tea towel", 9), ("Jun", "green tea", 12)]:
    number += 1
    order = {"event_type": "OrderCreated", "order_id": number, "customer": customer, "item": item, "amount": euros}
    channel.basic_publish(exchange="", routing_key="order_events", body=json.dumps(order))
    print(f"order {number}: {customer}, {item}, {euros} euros")
connection.close()
