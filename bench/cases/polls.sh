# Sourced by inside.sh: what it costs to ask again, in requests, by the way of
# paging.  The rows go into docs/requests.md, which a test holds to them.

case_polls() {
	perl -It/lib bench/polls.pl
}
