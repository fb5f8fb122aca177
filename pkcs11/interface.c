/* SPDX-License-Identifier: Apache-2.0
 *
 * The three function lists, and how a program gets them (PKCS #11 3.2 sections 5.4.4 to 5.4.6). These are the only
 * symbols that the library exports.
 */

#include "module.h"

#include <string.h>

#define EXPORT __attribute__((visibility("default")))

#define ENTRY(name, parameters) .name = name,
static CK_FUNCTION_LIST list_2_40 = {{2, 40}, CK_FUNCTIONS_2_40(ENTRY)};
static CK_FUNCTION_LIST_3_0 list_3_0 = {{3, 0}, CK_FUNCTIONS_2_40(ENTRY) CK_FUNCTIONS_3_0(ENTRY)};
static CK_FUNCTION_LIST_3_2 list_3_2 = {{3, 2}, CK_FUNCTIONS_2_40(ENTRY) CK_FUNCTIONS_3_0(ENTRY) CK_FUNCTIONS_3_2(ENTRY)};
#undef ENTRY

static CK_UTF8CHAR standard[] = "PKCS 11";

/* The first is the default. All lists begin with their version. */
static CK_INTERFACE interfaces[] = {
	{standard, &list_3_2, CKF_INTERFACE_FORK_SAFE},
	{standard, &list_3_0, CKF_INTERFACE_FORK_SAFE},
	{standard, &list_2_40, CKF_INTERFACE_FORK_SAFE},
};
enum { INTERFACES = sizeof interfaces / sizeof *interfaces };

EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ppFunctionList)
{
	if (!ppFunctionList)
		return CKR_ARGUMENTS_BAD;
	*ppFunctionList = &list_2_40;
	return CKR_OK;
}

EXPORT CK_RV C_GetInterfaceList(CK_INTERFACE *pInterfacesList, CK_ULONG *pulCount)
{
	if (!pulCount)
		return CKR_ARGUMENTS_BAD;
	CK_ULONG room = *pulCount;
	*pulCount = INTERFACES;
	if (!pInterfacesList)
		return CKR_OK;
	if (room < INTERFACES)
		return CKR_BUFFER_TOO_SMALL;
	memcpy(pInterfacesList, interfaces, sizeof interfaces);
	module.modern = true;
	return CKR_OK;
}

EXPORT CK_RV C_GetInterface(CK_UTF8CHAR *pInterfaceName, CK_VERSION *pVersion, CK_INTERFACE **ppInterface, CK_FLAGS flags)
{
	if (!ppInterface)
		return CKR_ARGUMENTS_BAD;
	if (pInterfaceName && strcmp((const char *)pInterfaceName, (const char *)standard) != 0)
		return CKR_FUNCTION_FAILED;
	for (int i = 0; i < INTERFACES; i++) {
		const CK_VERSION *v = interfaces[i].pFunctionList;
		if (pVersion && (pVersion->major != v->major || pVersion->minor != v->minor))
			continue;
		if ((interfaces[i].flags & flags) != flags)
			continue;
		if (v->major >= 3)
			module.modern = true;
		*ppInterface = &interfaces[i];
		return CKR_OK;
	}
	return CKR_FUNCTION_FAILED;
}
