"""Who gets through to which socket."""

from channels.testing import WebsocketCommunicator

from reviewconsole.asgi import application


async def test_the_page_of_another_site_opens_no_socket() -> None:
    headers = [(b"host", b"testserver"), (b"origin", b"https://evil.example")]
    communicator = WebsocketCommunicator(application, "/ws/console/", headers=headers)
    accepted, code = await communicator.connect()
    assert (accepted, code) == (False, 1000)
