/*-------------------------------------------------------------------------
 *
 * rounds.h
 *		When the arms of a read have been asked often enough.
 *
 * A record that moves from one arm to another while they are read one after
 * the other may be in none of them, so a round over all arms is repeated until
 * one brings nothing.  Where all arms go on from a version, less is enough:
 * what moves gets a version above those that were there when the read began,
 * and the next read from there finds it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/rounds.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_ROUNDS_H
#define TPLUS_ROUNDS_H

#include "tplus/sweep.h"

/*
 * The first round over several arms is over.  Is a second one needless?  So it
 * is if all arms go on from a version, and nothing has come but the record, if
 * any, that the read began from.
 */
extern bool tplus_rounds_one_is_enough(const TplusQuery *query,
									   TplusSweep *const *sweeps, int narms,
									   const TplusIntake *intake);

/*
 * In a later round, the turn of the arm at index current has come.  Is it
 * needless, because it is the last one and nothing has moved into the others?
 */
extern bool tplus_rounds_last_is_needless(TplusSweep *const *sweeps,
										  int narms, int current);

/*
 * The read is over.  Throws HV000 if a record that came again with a higher
 * version was not edited, but shares its key with another one; asks T+ for it
 * by an arm's sweep.
 */
extern void tplus_rounds_check_edited(const TplusSweep *sweep);

/*
 * Will the next round of a read of several arms ask what this one is about to
 * ask, whether anything is above the first page?  What an early end could hide
 * must be looked for at once: a lower count than was told, a server that sends
 * one record at a time.  Of more pages than one, a record that comes late would
 * have all read again.
 */
extern bool tplus_rounds_can_defer(const TplusSweep *sweep,
								   const TplusTally *page);

/* Leaves that to the next round. */
extern void tplus_rounds_defer(TplusSweep *sweep);

#endif							/* TPLUS_ROUNDS_H */
