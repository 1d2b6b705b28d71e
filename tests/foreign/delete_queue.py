"""Deletes a queue, and is content where there is none.

delete_queue.py URL QUEUE
"""
import sys

import pika

url, queue = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(url))
connection.channel().queue_delete(queue=queue)
connection.close()
