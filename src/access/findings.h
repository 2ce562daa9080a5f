/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_ACCESS_FINDINGS_H
#define AMLAPS_ACCESS_FINDINGS_H

#include "amlaps/access.h"

/*
 * What one request has found out about the person and the devices it is about. It asks Graph for what the rules need, together and no
 * more than once, and what it cannot find out stays unknown to the rules.
 */

typedef struct amlaps_findings_t {
    const amlaps_access_t *access;
    const amlaps_asker_t *asker;
    amlaps_call_t *call;
    int permissions;          /* AMLAPS_PERMISSION_* bits that matter to this request */
    amlaps_person_t person;   /* as the rules read it */
    const char *home;         /* name of the tenant that knows the person; NULL: none of ours, or not sought yet */
    int home_sought, groups_sought;
    amlaps_error_t gap;       /* the first reason why something is unknown; AMLAPS_OK: there is none */
    apr_pool_t *pool;
} amlaps_findings_t;

void amlaps_findings_begin(amlaps_findings_t *findings, const amlaps_access_t *access, const amlaps_asker_t *asker, amlaps_call_t *call,
                           int permissions, apr_pool_t *pool);

/** What the rules read of a device: Graph's facts, everything else unknown; then what a look-up adds. */
void amlaps_access_describe(amlaps_device_t *device, const amlaps_graph_device_t *facts);
void amlaps_access_add_memberships(amlaps_device_t *device, const amlaps_memberships_t *memberships);

/**
 * A device by its id. What the rules could need to know of one that nothing is known of yet is asked for side by side with its facts.
 * @param facts out: NULL where the tenant has none of that id
 * @param device out: what the rules read of it; valid where `facts` is not NULL
 */
apr_status_t amlaps_findings_locate(const amlaps_graph_device_t **facts, amlaps_device_t *device, amlaps_error_t *error,
                                    amlaps_findings_t *findings, const char *tenant, const char *device_id);

/** Asks for what the rules still need to know of devices of one tenant, and of the person. */
void amlaps_findings_complete(amlaps_findings_t *findings, amlaps_device_t *devices, apr_size_t count);

/** The same for every fact there is, needed or not: for an explanation. */
void amlaps_findings_complete_all(amlaps_findings_t *findings, amlaps_device_t *device);

/** Asks for the person's groups alone. */
void amlaps_findings_complete_person(amlaps_findings_t *findings);

/**
 * Asks for what would be asked about the person if the device had never been looked at: what cannot be found out is told for every device alike,
 * or it would tell which ones exist.
 * @param device_id NULL: of any device that nobody has
 * @return 1 where the person's groups matter and could not be found out; findings->gap says why
 */
int amlaps_findings_complete_alike(amlaps_findings_t *findings, const char *tenant, const char *device_id);

/** What the rules still need to know of the device and the person; AMLAPS_NEED_* bits. */
int amlaps_findings_unmet(const amlaps_findings_t *findings, const amlaps_device_t *device);

/** The question that the rules are asked about one of the devices. */
amlaps_question_t amlaps_findings_question(const amlaps_findings_t *findings, const amlaps_device_t *device);

#endif
