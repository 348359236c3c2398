"""What a sender's developer sends by hand: a Postman collection and an `.http` file, made of the OpenAPI document.

    document → exchanges (a request, and the answer it gets) → files in docs/http

The document says which operations there are, with which examples, and what their answers look like; added to it are the
refusals that a sender has to handle, and one signed webhook.
"""
