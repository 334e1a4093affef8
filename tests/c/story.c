/* The story of one writeback, told on a lab through the C ABI: what powershell/demo/Demo.ps1 tells, for machines
 * without PowerShell. Every step checks what it got: the exit code is 0 only when each gave what it should.
 * Argument: a file with the lab's ready line (docs/lab.md). GROUPWRITEBACK_LAB names the lab's program,
 * GROUPWRITEBACK_STORE the folder where state is kept. */
#include "telling.h"

static int connect_both(struct story *story)
{
    static const char *const shown[] = {"TenantId", "Domain", "Server", "DirectoryAccount", "SignIn", "EngineVersion"};
    static const char *const copied[][2] = {
        {"loginEndpoint", "login"}, {"graphEndpoint", "graph"}, {"tenantId", "tenantId"},
        {"clientId", "clientId"},   {"server", "server"},       {"userName", "bindUser"},
        {"certificateAuthorityPath", "caFile"},
    };
    struct outcome outcome;
    char *request = NULL;
    size_t size = 0, i;
    FILE *out = write_text(&request, &size);
    fputs("{\"connection\":{\"environment\":\"Custom\",\"signIn\":{\"kind\":\"clientSecret\"}", out);
    for (i = 0; i < COUNT(copied); i++) {
        fprintf(out, ",\"%s\":", copied[i][0]);
        json_write(out, json_text(story->lab, copied[i][1]));
    }
    fputs("}}", out);
    fclose(out);
    show_call("gwb_open", request);
    EXPECT(gwb_open(bytes_of(request), size, &story->session, &error), GWB_OK, NULL);
    free(request);
    if (story->session == 0)
        return 0;
    outcome = CALL(gwb_query, "{\"op\":\"connect\"}");
    list(outcome.value, shown, COUNT(shown));
    confirm(outcome.secrets == 2, "the library asked for both secrets when it needed them");
    confirm(json_is(outcome.value, "TenantId", json_text(story->lab, "tenantId")) &&
                json_is(outcome.value, "Domain", json_text(story->lab, "domain")),
            "connected to the tenant and the domain of the lab");
    i = outcome.value != NULL;
    outcome_free(&outcome);
    return (int)i;
}

static int enable(struct story *story)
{
    static const char *const shown[] = {"Enabled", "Version", "OrganizationalUnit", "OwnedGroupCount"};
    char request[512];
    struct outcome outcome;
    int enabled;
    snprintf(request, sizeof request, "{\"organizationalUnit\":\"%s\",\"createContainer\":true}", story->container);
    outcome = CALL(gwb_enable, request);
    list(outcome.value, shown, COUNT(shown));
    enabled = json_has(outcome.value, "Enabled", JSON_TRUE);
    confirm(enabled && json_number(outcome.value, "OwnedGroupCount") == 0, "writeback is on, no group is written yet");
    outcome_free(&outcome);
    return enabled;
}

static const struct column run_columns[] = {
    {"Result", "Result", 21},        {"Created", "Created", -7},      {"Updated", "Updated", -7},
    {"Deleted", "Deleted", -7},      {"+Members", "MembersAdded", -8}, {"-Members", "MembersRemoved", -8},
    {"Skipped", "MembersSkipped", -7}, {"Failed", "GroupsFailed", -6}, {"Seconds", "Duration", -7},
};

static void show_run(const struct outcome *outcome)
{
    if (outcome->value == NULL)
        return;
    table_head(run_columns, COUNT(run_columns));
    table_row(run_columns, COUNT(run_columns), outcome->value);
}

static int first_sync(struct story *story)
{
    struct outcome outcome = CALL(gwb_sync, "{\"action\":\"cycle\",\"policyType\":\"Initial\"}");
    int done = json_is(outcome.value, "Result", "Success");
    show_run(&outcome);
    story->skipped = json_number(outcome.value, "MembersSkipped");
    confirm(done && json_number(outcome.value, "Created") == story->cloud,
            "all %ld Microsoft 365 groups were created in Active Directory", story->cloud);
    confirm(outcome.progress > 0, "progress was shown");
    outcome_free(&outcome);
    return done;
}

static int by_members(const void *left, const void *right)
{
    long a = json_number(*(const struct json *const *)left, "CloudMemberCount");
    long b = json_number(*(const struct json *const *)right, "CloudMemberCount");
    return (a < b) - (a > b);
}

/* Shows the largest groups that are in sync; chooses the smallest that has members in AD and others left out. */
static void look_at_groups(struct story *story)
{
    static const struct column columns[] = {
        {"DisplayName", "DisplayName", 34},   {"Type", "Type", 5},
        {"State", "State", 6},                {"InCloud", "CloudMemberCount", -7},
        {"InAD", "DirectoryMemberCount", -5}, {"Skipped", "SkippedMemberCount", -7},
        {"SamAccountName", "SamAccountName", 20},
    };
    struct outcome outcome = CALL(gwb_query, "{\"op\":\"groups\",\"state\":[\"InSync\"]}");
    const struct json **groups = (const struct json **)calloc((size_t)outcome.item_count + 1, sizeof *groups);
    const struct json *item, *one = NULL;
    size_t count = 0, i;
    if (groups == NULL)
        abort();
    for (item = outcome.items; item != NULL; item = item->next)
        if (json_has(value_of(item), "DistinguishedName", JSON_TEXT))
            groups[count++] = value_of(item);
    qsort(groups, count, sizeof *groups, by_members);
    table_head(columns, COUNT(columns));
    for (i = 0; i < count && i < 8; i++)
        table_row(columns, COUNT(columns), groups[i]);
    confirm((long)count == story->cloud, "%ld groups are in sync", story->cloud);
    for (i = 0; i < count; i++)
        if (json_number(groups[i], "DirectoryMemberCount") >= 3 && json_number(groups[i], "SkippedMemberCount") > 0)
            one = groups[i];
    snprintf(story->one, sizeof story->one, "%s", json_text(one, "Id"));
    snprintf(story->one_name, sizeof story->one_name, "%s", json_text(one, "DisplayName"));
    free(groups);
    outcome_free(&outcome);
}

static int look(struct story *story)
{
    static const char *const shown[] = {"DisplayName", "DistinguishedName", "ObjectSid", "CloudMemberCount",
                                        "DirectoryMemberCount", "SkippedMemberCount"};
    static const struct column columns[] = {{"Skipped member", "NewValue", 40}, {"Reason", "Reason", 40}};
    char request[128];
    struct outcome outcome;
    const struct json *group, *item, *dn;
    long cloud, directory, skipped, values = 0, listed = 0, reasons = 0;

    look_at_groups(story);
    if (story->one[0] == '\0') {
        confirm(0, "a group has members in Active Directory and others that were skipped");
        return 0;
    }
    snprintf(request, sizeof request, "{\"op\":\"groups\",\"identity\":[\"%s\"],\"properties\":[\"member\"]}",
             story->one);
    outcome = CALL(gwb_query, request);
    group = value_of(outcome.items);
    list(group, shown, COUNT(shown));
    for (dn = json_first(json_get(group, "member")); dn != NULL; dn = dn->next)
        if (++values <= 3)
            print_wrapped(NULL, dn->text == NULL ? "?" : dn->text);
    cloud = json_number(group, "CloudMemberCount");
    directory = json_number(group, "DirectoryMemberCount");
    skipped = json_number(group, "SkippedMemberCount");
    confirm(group != NULL && values == directory && directory + skipped == cloud,
            "members in the cloud: %ld; in Active Directory: %ld; skipped: %ld", cloud, directory, skipped);
    outcome_free(&outcome);

    outcome = CALL(gwb_query, "{\"op\":\"runResult\",\"numberRequested\":1,\"skipped\":true}");
    table_head(columns, COUNT(columns));
    for (item = outcome.items; item != NULL; item = item->next) {
        const struct json *row = value_of(item);
        reasons += *json_text(row, "Reason") != '\0';
        if (json_is(row, "GroupId", story->one)) {
            listed++;
            table_row(columns, COUNT(columns), row);
        }
    }
    confirm(listed == skipped, "each skipped member of the group is listed");
    confirm(outcome.item_count == story->skipped && reasons == story->skipped,
            "each of the %ld skipped memberships of all groups is listed with its reason", story->skipped);
    outcome_free(&outcome);
    return 1;
}

static int delta(struct story *story)
{
    const struct json *group = json_first(json_get(story->truth, "groups"));
    const struct json *member;
    struct outcome outcome;
    char request[128];
    long writes;
    char *changes = NULL;
    size_t size = 0, length;
    FILE *out = write_text(&changes, &size);
    while (group != NULL && !json_is(group, "id", story->one))
        group = group->next;
    member = json_first(json_get(group, "members"));
    while (member != NULL && !json_is(member, "kind", "user"))
        member = member->next;
    fputs("{\"changes\":[{\"op\":\"addGroup\",\"displayName\":\"Project Aurora\",\"kind\":\"m365\",", out);
    fputs("\"members\":[", out);
    json_write(out, json_text(member, "id"));
    fprintf(out, "]},{\"op\":\"setGroup\",\"id\":\"%s\",\"displayName\":", story->one);
    length = strlen(story->one_name);
    snprintf(story->one_name + length, sizeof story->one_name - length, " (renamed)");
    json_write(out, story->one_name);
    fputs("}]}", out);
    fclose(out);
    puts("  In the tenant: a group 'Project Aurora' with a member, and the group above gets another name.");
    if (!change(story, changes, story->new_one, sizeof story->new_one)) {
        confirm(0, "the tenant was changed");
        return 0;
    }
    lab_reset(story->lab);
    outcome = CALL(gwb_sync, "{\"action\":\"cycle\",\"policyType\":\"Delta\"}");
    show_run(&outcome);
    confirm(json_is(outcome.value, "Result", "Success") && json_number(outcome.value, "Created") == 1 &&
                json_number(outcome.value, "Updated") == 1,
            "one group was created and one updated");
    outcome_free(&outcome);
    writes = lab_writes(story->lab);
    confirm(writes >= 2 && writes <= 3, "nothing else was written: the directory counted %ld writes", writes);
    snprintf(request, sizeof request, "{\"op\":\"groups\",\"identity\":[\"%s\"]}", story->one);
    outcome = CALL(gwb_query, request);
    confirm(json_is(value_of(outcome.items), "DisplayName", story->one_name) &&
                json_is(value_of(outcome.items), "State", "InSync"),
            "the new name is in Active Directory");
    outcome_free(&outcome);
    return 1;
}

static const struct column plan_columns[] = {
    {"GroupName", "GroupName", 40},
    {"Summary", "Summary", 32},
    {"IsDelete", "IsDelete", 8},
    {"Operations", "Operations", -10},
};

static int what_if(struct story *story)
{
    struct outcome outcome;
    const struct json *group;
    char *changes = NULL;
    size_t size = 0;
    FILE *out = write_text(&changes, &size);
    fprintf(out, "{\"changes\":[{\"op\":\"hardDeleteGroup\",\"id\":\"%s\"}]}", story->new_one);
    fclose(out);
    puts("  In the tenant: 'Project Aurora' is deleted for good.");
    if (!change(story, changes, NULL, 0)) {
        confirm(0, "the tenant was changed");
        return 0;
    }
    lab_reset(story->lab);
    outcome = CALL(gwb_sync, "{\"action\":\"cycle\",\"policyType\":\"Delta\",\"whatIf\":true}");
    group = value_of(outcome.items);
    if (group != NULL) {
        table_head(plan_columns, COUNT(plan_columns));
        table_row(plan_columns, COUNT(plan_columns), group);
    }
    confirm(outcome.item_count == 1 && json_is(group, "GroupId", story->new_one) &&
                json_has(group, "IsDelete", JSON_TRUE) && json_number(outcome.value, "Deletes") == 1,
            "the plan deletes exactly that group");
    confirm(lab_writes(story->lab) == 0, "nothing was written");
    outcome_free(&outcome);
    outcome = CALL(gwb_sync, "{\"action\":\"cycle\",\"policyType\":\"Delta\",\"approve\":\"deletes\"}");
    confirm(outcome.approvals == 1 && json_number(outcome.value, "Deleted") == 1,
            "the cycle asks, and deletes it after approval");
    outcome_free(&outcome);
    return 1;
}

/* Shows a stored plan: its first operations and its numbers. */
static void review(struct story *story, const char *plan, long deletions)
{
    static const char *const shown[] = {"PlanId",  "State",      "Creates",       "Updates",
                                        "Deletes", "MemberAdds", "MemberRemovals"};
    static const struct column columns[] = {
        {"GroupName", "GroupName", 40},
        {"Action", "Action", 16},
        {"Reason", "Reason", 16},
        {"Severity", "Severity", 12},
    };
    char request[192];
    struct outcome outcome;
    const struct json *item;
    long seen = 0, deletes = 0;
    snprintf(request, sizeof request, "{\"op\":\"operations\",\"planId\":\"%s\"}", plan);
    outcome = CALL(gwb_query, request);
    table_head(columns, COUNT(columns));
    for (item = outcome.items; item != NULL; item = item->next) {
        deletes += json_is(value_of(item), "Action", "DeleteGroup");
        if (++seen <= 5)
            table_row(columns, COUNT(columns), value_of(item));
    }
    outcome_free(&outcome);
    snprintf(request, sizeof request, "{\"op\":\"operations\",\"planId\":\"%s\",\"summary\":true}", plan);
    outcome = CALL(gwb_query, request);
    list(value_of(outcome.items), shown, COUNT(shown));
    confirm(deletes == deletions && json_number(value_of(outcome.items), "Deletes") == deletions &&
                json_is(value_of(outcome.items), "State", "Blocked"),
            "the plan is kept for a review: it is blocked and holds the %ld deletions", deletions);
    outcome_free(&outcome);
}

static int mass_deletion(struct story *story)
{
    struct outcome outcome;
    const struct json *group;
    const char *plan;
    long deletions = 0;
    char *changes = NULL;
    size_t size = 0;
    FILE *out = write_text(&changes, &size);
    fputs("{\"changes\":[", out);
    for (group = json_first(json_get(story->truth, "groups")); group != NULL; group = group->next)
        if (is_cloud_group(group) && deletions < story->cloud / 2)
            fprintf(out, "%s{\"op\":\"hardDeleteGroup\",\"id\":\"%s\"}", deletions++ == 0 ? "" : ",",
                    json_text(group, "id"));
    fputs("]}", out);
    fclose(out);
    printf("  In the tenant: %ld of the groups are deleted for good.\n", deletions);
    if (!change(story, changes, NULL, 0)) {
        confirm(0, "the tenant was changed");
        return 0;
    }
    lab_reset(story->lab);
    outcome = CALL(gwb_sync, "{\"action\":\"cycle\",\"policyType\":\"Delta\"}");
    confirm(json_is(outcome.error, "id", "DeletionThresholdExceeded"),
            "%ld deletions were refused with the error DeletionThresholdExceeded", deletions);
    confirm(lab_writes(story->lab) == 0, "nothing was written");
    plan = json_text(outcome.error, "target");
    confirm(*plan != '\0', "the error names the plan %s", plan);
    review(story, plan, deletions);
    outcome_free(&outcome);
    return 1;
}

static int disable(struct story *story)
{
    static const struct column columns[] = {
        {"Started", "StartTimeInUTC", 24}, {"PolicyType", "PolicyType", 10}, {"Result", "Result", 12},
        {"Created", "Created", -7},        {"Updated", "Updated", -7},       {"Deleted", "Deleted", -7},
    };
    struct outcome outcome = CALL(gwb_disable, "{\"groupAction\":\"Keep\"}");
    const struct json *item;
    uint64_t session = story->session;
    confirm(json_has(outcome.value, "Enabled", JSON_FALSE), "writeback is off");
    confirm(lab_writes(story->lab) == 0, "every group is still there: nothing was written");
    outcome_free(&outcome);
    outcome = CALL(gwb_query, "{\"op\":\"runResult\",\"numberRequested\":10}");
    table_head(columns, COUNT(columns));
    for (item = outcome.items; item != NULL; item = item->next)
        table_row(columns, COUNT(columns), value_of(item));
    outcome_free(&outcome);
    show_call("gwb_close", "");
    EXPECT(gwb_close(session, &error), GWB_OK, NULL);
    story->session = 0;
    confirm(gwb_close(session, NULL) == GWB_INVALID_HANDLE, "the session is gone, and its handle is known to be dead");
    return 1;
}

static const struct {
    const char *title;
    int (*tell)(struct story *story); /* gives 0 when the rest would make no sense */
} steps[] = {
    {"Connect: sign in to the tenant, bind to the directory", connect_both},
    {"Enable writeback; the container is created", enable},
    {"First synchronization", first_sync},
    {"Look at the groups, and at one with the members that Active Directory does not have", look},
    {"The tenant changes; a delta cycle writes only that", delta},
    {"What if? A group is deleted in the tenant; the plan shows it, nothing is written", what_if},
    {"A mass deletion is stopped before the first write", mass_deletion},
    {"Disable writeback and keep the groups", disable},
};

int main(int count, char **arguments)
{
    static struct story story;
    double begin = now_seconds();
    const struct json *group;
    size_t step;
    int wrong;
    if (count != 2 || getenv("GROUPWRITEBACK_LAB") == NULL || getenv("GROUPWRITEBACK_STORE") == NULL) {
        fprintf(stderr, "usage: story LAB_JSON, with GROUPWRITEBACK_LAB and GROUPWRITEBACK_STORE set\n");
        return 2;
    }
    screen_begin();
    story.lab = read_json_file(arguments[1]);
    story.truth = lab_control(story.lab, "dump", NULL);
    if (story.truth == NULL) {
        fprintf(stderr, "story: %s names no running lab\n", arguments[1]);
        json_free(story.lab);
        return 2;
    }
    CHECK(gwb_abi_version() == GWB_ABI_VERSION);
    for (group = json_first(json_get(story.truth, "groups")); group != NULL; group = group->next)
        story.cloud += is_cloud_group(group);
    snprintf(story.container, sizeof story.container, "OU=Cloud Groups,%s", json_text(story.lab, "baseDn"));
    story.host.client_secret = json_text(story.lab, "clientSecret");
    story.host.directory_password = json_text(story.lab, "bindPassword");
    story.host.watch = watch;
    story.host.context = &story;

    for (step = 0; step < COUNT(steps); step++) {
        heading((int)step + 1, steps[step].title);
        if (!steps[step].tell(&story)) {
            confirm(0, "the story broke off in step %d", (int)step + 1);
            break;
        }
    }
    if (story.session != 0)
        gwb_close(story.session, NULL);
    json_free(story.lab);
    json_free(story.truth);
    /* The harness counts what breaks the contract of the interface, the screen what the story expected. */
    wrong = screen_wrong + (int)harness_failures;
    putchar('\n');
    paint(wrong == 0 ? GREEN : RED);
    if (wrong == 0)
        printf("The story went as it should, in %.1f seconds.", now_seconds() - begin);
    else
        printf("%d check(s) failed.", wrong);
    paint(NULL);
    putchar('\n');
    return wrong == 0 ? 0 : 1;
}
