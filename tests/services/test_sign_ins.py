"""How many passwords anybody can try."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from agents.models import SignInAttempt
from agents.services import sign_ins
from tests.faults.racing import race


def tries(count: int, *, name: str = "alice", address: str = "192.0.2.1") -> int:
    """How many of so many attempts get as far as their password."""
    begun = [sign_ins.begin(name=name, address=address) for _ in range(count)]
    return sum(attempt is not None for attempt in begun)


@pytest.mark.django_db
class TestBegin:
    def test_one_person_at_one_place(self):
        assert tries(7) == 5
        assert tries(1, name="bob") == 1
        assert tries(1, address="192.0.2.2") == 1

    @pytest.mark.parametrize("name", ["ALICE", "\uff41lice"])
    def test_another_spelling_is_the_same_name(self, name: str):
        assert tries(5) == 5
        assert tries(1, name=name) == 0

    def test_many_names_from_one_place(self):
        passed = [tries(1, name=f"name {number}") for number in range(60)]
        assert sum(passed) == 50

    def test_one_name_from_many_places(self):
        passed = [tries(1, address=f"198.51.100.{number}") for number in range(60)]
        assert sum(passed) == 50

    def test_an_ipv6_network_is_one_place(self):
        assert tries(5, address="2001:db8::1") == 5
        assert tries(1, address="2001:db8:0:ff::1") == 0
        assert tries(1, address="2001:db8:0:100::1") == 1

    def test_an_ipv4_address_in_ipv6_is_no_network(self):
        assert tries(5, address="::ffff:192.0.2.1") == 5
        assert tries(1, address="::ffff:192.0.2.2") == 1

    def test_what_is_refused_counts_no_further(self):
        tries(20)
        assert SignInAttempt.objects.count() == 5

    def test_it_is_over_after_a_while(self):
        tries(6)
        SignInAttempt.objects.update(at=timezone.now() - timedelta(minutes=15, seconds=1))
        assert tries(6) == 5
        assert SignInAttempt.objects.count() == 5

    def test_no_name_is_kept(self):
        tries(1, name="my password")
        row = SignInAttempt.objects.values_list().get()
        assert "password" not in str(row)

    def test_success_forgets_what_was_mistyped_here(self):
        tries(4)
        tries(1, address="192.0.2.9")
        attempt = sign_ins.begin(name="alice", address="192.0.2.1")
        assert attempt is not None
        sign_ins.succeed(attempt=attempt)
        assert SignInAttempt.objects.count() == 1


def test_no_more_pass_at_once(transactional_db: None):
    racers = [lambda: tries(1)] * 8  # as many as the pool of connections has room for
    assert sum(race(*racers)) <= 5


@pytest.mark.django_db
class TestForm:
    def sign_in(self, client: Client, password: str, path: str = "/login/") -> str:
        return client.post(path, {"username": "ada", "password": password}).text

    @pytest.mark.parametrize("path", ["/login/", "/admin/login/"])
    def test_a_good_password_does_not_help_after_too_many_wrong_ones(
        self, client: Client, ada: User, path: str
    ):
        for _ in range(5):
            assert "Too many" not in self.sign_in(client, "wrong", path)
        assert "Too many wrong passwords. Try again in 15 minutes." in self.sign_in(
            client, "ada", path
        )
        assert "sessionid" not in client.cookies
        SignInAttempt.objects.all().delete()
        answer = client.post(path, {"username": "ada", "password": "ada"})
        assert answer.status_code == 302
        assert not SignInAttempt.objects.exists()

    def test_who_does_not_exist_is_counted_too(self, client: Client, db: None):
        for _ in range(5):
            self.sign_in(client, "wrong")
        assert "Too many" in self.sign_in(client, "wrong")
