// SPDX-License-Identifier: Apache-2.0

import com.azure.core.exception.HttpResponseException;
import com.azure.core.util.polling.LongRunningOperationStatus;
import com.azure.core.util.polling.SyncPoller;
import com.azure.identity.ClientSecretCredentialBuilder;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.security.keyvault.administration.KeyVaultBackupClient;
import com.azure.security.keyvault.administration.KeyVaultBackupClientBuilder;
import com.azure.security.keyvault.administration.KeyVaultSettingsClient;
import com.azure.security.keyvault.administration.KeyVaultSettingsClientBuilder;
import com.azure.security.keyvault.administration.models.KeyVaultLongRunningOperation;
import com.azure.security.keyvault.administration.models.KeyVaultSetting;
import com.azure.security.keyvault.keys.KeyClient;
import com.azure.security.keyvault.keys.KeyClientBuilder;
import com.azure.security.keyvault.keys.models.CreateEcKeyOptions;
import com.azure.security.keyvault.keys.models.KeyCurveName;
import com.azure.security.keyvault.keys.models.KeyVaultKey;
import java.time.Duration;

/**
 * Backup, restore and settings of a managed HSM through the Azure SDK for Java, with nothing but the environment variables that genbu
 * connect azure prints, and a container of a blob service (BLOB_CONTAINER_URL, BLOB_SAS).
 */
public class Hsm {
  static final String URL = System.getenv("AZURE_MANAGEDHSM_URL"), CONTAINER = System.getenv("BLOB_CONTAINER_URL"), SAS = System.getenv("BLOB_SAS");
  static KeyClient keys;

  public static void main(String[] args) throws Exception {
    var credential = new DefaultAzureCredentialBuilder().build();
    keys = new KeyClientBuilder().vaultUrl(URL).credential(credential).buildClient();
    KeyVaultBackupClient admin = new KeyVaultBackupClientBuilder().vaultUrl(URL).credential(credential).buildClient();

    KeyVaultKey first = make("java-doomed");
    make("java-changed");
    String folder = done(admin.beginBackup(CONTAINER, SAS)).getFinalResult();
    check(folder.startsWith(CONTAINER + "/mhsm-"), "the backup is in " + folder);

    purge("java-doomed");
    keys.updateKeyProperties(keys.getKey("java-changed").getProperties().setEnabled(false));
    make("java-late");
    done(admin.beginRestore(folder, SAS));
    check(keys.getKey("java-doomed").getProperties().getVersion().equals(first.getProperties().getVersion()), "another version came back");
    check(keys.getKey("java-changed").getProperties().isEnabled(), "the key that was disabled is still so");
    check(gone("java-late"), "a key that was made since the backup is there");

    purge("java-doomed");
    make("java-late");
    done(admin.beginSelectiveKeyRestore("java-doomed", folder, SAS));
    check(keys.getKey("java-doomed").getProperties().getVersion().equals(first.getProperties().getVersion()), "another version of one key came back");
    check(!gone("java-late"), "the restore of one key took another away");

    refused("a key that is there", () -> done(admin.beginSelectiveKeyRestore("java-doomed", folder, SAS)));
    refused("a signature that is none", () -> done(admin.beginRestore(folder, "sv=2021-12-02&sig=bm9uZQ%3D%3D")));
    refused("a folder that is not there", () -> done(admin.beginRestore(CONTAINER + "/mhsm-never", SAS)));
    var restorer = new ClientSecretCredentialBuilder().tenantId("adfs").clientId(System.getenv("RESTORE_CLIENT_ID")).clientSecret(System.getenv("RESTORE_CLIENT_SECRET"))
        .authorityHost(System.getenv("AZURE_AUTHORITY_HOST")).build();
    KeyVaultBackupClient other = new KeyVaultBackupClientBuilder().vaultUrl(URL).credential(restorer).buildClient();
    refused("a backup by who may restore", () -> done(other.beginBackup(CONTAINER, SAS)));
    check(!gone("java-late"), "what was refused has changed something");
    done(other.beginRestore(folder, SAS));
    check(gone("java-late"), "who may restore has restored nothing");

    KeyVaultSettingsClient settings = new KeyVaultSettingsClientBuilder().vaultUrl(URL).credential(credential).buildClient();
    String name = "AllowKeyManagementOperationsThroughARM";
    check(settings.getSettings().getSettings().size() == 1, "there is not one setting");
    for (boolean value : new boolean[] {true, false}) {
      check(settings.updateSetting(new KeyVaultSetting(name, value)).asBoolean() == value, "another value was set");
      check(settings.getSetting(name).asBoolean() == value, "another value is there");
    }
  }

  static KeyVaultKey make(String name) {
    return keys.createEcKey(new CreateEcKeyOptions(name).setCurveName(KeyCurveName.P_256).setHardwareProtected(true));
  }

  static void purge(String name) {
    keys.beginDeleteKey(name).waitForCompletion();
    keys.purgeDeletedKey(name);
  }

  static boolean gone(String name) {
    try {
      keys.getKey(name);
      return false;
    } catch (HttpResponseException e) {
      return e.getResponse().getStatusCode() == 404;
    }
  }

  /** Waits for a job, which must succeed. */
  static <T extends KeyVaultLongRunningOperation, R> SyncPoller<T, R> done(SyncPoller<T, R> poller) {
    poller.setPollInterval(Duration.ofMillis(200));
    var last = poller.waitForCompletion();
    if (last.getStatus() != LongRunningOperationStatus.SUCCESSFULLY_COMPLETED) {
      throw new IllegalStateException(String.valueOf(last.getStatus()));
    }
    return poller;
  }

  static void refused(String what, Runnable job) {
    try {
      job.run();
    } catch (RuntimeException e) {
      System.out.println("refused: " + what);
      return;
    }
    check(false, "not refused: " + what);
  }

  static void check(boolean ok, String what) {
    if (!ok) {
      throw new AssertionError(what);
    }
  }
}
