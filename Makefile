# tplus_fdw: T+ (Chanjet ERP) data as PostgreSQL foreign tables
#
#   make, make install    as in any PGXS extension
#   make test             installs what is missing, builds a private copy of
#                         the server, runs every test, cleans up
#   make demo             the same preparation, then a worked example
#   make matrix           the tests on the PostgreSQL of other Debian releases
#   make lint | format | check-format | unit | bench
#   make mutants          small faults that the tests must notice, one by one
#
# `make test` and its kin run on a machine without PostgreSQL and in a path
# with a space: the scripts do the building, so PGXS is not read for them.

MODULE_big = tplus_fdw
EXTENSION = tplus_fdw
PGFILEDESC = "tplus_fdw - foreign-data wrapper for the Chanjet T+ API"
DATA = $(wildcard sql/tplus_fdw--*.sql)
OBJS = tplus_fdw.o $(patsubst %.c,%.o,$(sort $(wildcard src/*/*.c)))

# Each name is sql/NAME.sql and expected/NAME.out.  Explicit, because sql/
# also holds the install scripts.
REGRESS = values times conversion reading filters options operations import sync sync_combinations sync_moves corners
REGRESS_OPTS = --encoding=UTF8
TAP_TESTS = 1

PG_CPPFLAGS = -I$(srcdir)/src
PG_CFLAGS = -Wall -Wextra -Werror -Wmissing-prototypes -Wno-unused-parameter \
	-Wno-missing-field-initializers
SHLIB_LINK = -lcurl -lcjson -lz

own_goals = test matrix demo lint format check-format unit bench mutants
ifneq ($(filter-out $(own_goals),$(or $(MAKECMDGOALS),all)),)
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifeq ($(PGXS),)
$(error $(PG_CONFIG) not found: install postgresql-server-dev, or run "make test" or "make demo", which install what is missing)
endif
include $(PGXS)

# PGXS tracks no headers.  At this size, rebuilding all is the simple truth;
# the bitcode files need the rule as much as the objects.
$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*/*.h)
endif

# What a developer may set on the command line:
#   make test PHASES="regress tap" REGRESS=reading PROVE_TESTS=t/010_x.pl
#   KEEP=1 keeps the private copy, TPLUS_PREFIX=DIR uses (and keeps) that one.
test_env = PHASES='$(PHASES)' REGRESS='$(REGRESS)' PROVE_TESTS='$(PROVE_TESTS)' \
	REGRESS_OPTS='$(filter-out --dbname=%,$(REGRESS_OPTS))' KEEP='$(KEEP)'

.PHONY: $(own_goals)

test:
	@exec env $(test_env) bash test/lib/run.sh

matrix:
	@exec env $(test_env) bash test/lib/matrix.sh

unit: PHASES = unit
unit:
	@exec env $(test_env) bash test/lib/run.sh

demo:
	@exec bash test/demo/demo.sh

lint:
	@python3 test/lint/lint.py
	@exec python3 test/mutants/mutants.py --check

# MUTANTS=NAME[,NAME...] for some of them; see test/mutants/README.md.
mutants:
	@exec bash test/lib/mutants.sh '$(MUTANTS)'

format check-format:
	@exec bash test/lib/format.sh $@

bench:
	@exec bash bench/run $(CASES)
