/*-------------------------------------------------------------------------
 *
 * places.h
 *		Where in a response the array of rows may be.
 *
 * A place is a way of keys from the document down: "data.Rows", or "." for
 * the document itself.  While a document is read, a set of places tells which
 * of them lie at the value at hand or below it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/places.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_PLACES_H
#define TPLUS_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bit n stands for paths[n]. */
typedef uint32_t TplusPlaceSet;

#define TPLUS_PLACES_MAX	32

typedef struct TplusPlaces
{
	const char *const *paths;
	size_t		npaths;
} TplusPlaces;

/* The places where rows were seen. */
extern const TplusPlaces tplus_places_known;

/* All places: the set for a whole document. */
extern TplusPlaceSet tplus_places_all(const TplusPlaces *places);

/*
 * The set for a member of an object with the set way, which is level keys
 * below the top of the document.  The key may hold escapes.
 */
extern TplusPlaceSet tplus_places_below(const TplusPlaces *places,
										TplusPlaceSet way, int level,
										const char *key, size_t len);

/*
 * The place at which a value with the set way is, level keys below the top;
 * NULL if it is at none.
 */
extern const char *tplus_places_here(const TplusPlaces *places,
									 TplusPlaceSet way, int level);

#endif							/* TPLUS_PLACES_H */
