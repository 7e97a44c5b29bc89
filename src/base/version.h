/*-------------------------------------------------------------------------
 *
 * version.h
 *		The version that the control file and the install script name.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/version.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_VERSION_H
#define TPLUS_VERSION_H

#define TPLUS_VERSION	"2.0"

#endif							/* TPLUS_VERSION_H */
