/*
 * apt - what apt-get prints, read. Pure. Source: apt's own README.progress-reporting and
 * apt-get.cc (the lines "Inst" and "Remv" of a simulation).
 */
#pragma once
#include "managers.h"

/* "Inst bash [5.2-1] (5.2-2 Debian:12.5/stable [amd64])", "Remv old [1.0]"; other lines: false. */
bool apt_read_change(const char *line, struct package_changes *changes);
/* A line of --print-uris: the size of what it names; other lines: 0. */
uint64_t apt_read_download(const char *line);
/* A line of APT::Status-Fd. */
void apt_read_status(const char *line, struct manager_progress *ret);
/* Rewrites /etc/apt of the copy to fill->release. */
bool apt_change_release(struct fill *fill, struct err *err);
